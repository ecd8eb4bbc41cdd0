//! Files that only their owner reads, written whole or not at all.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::error::IdentityError;

/// Makes a folder for the owner alone. It must not be there.
pub(super) fn make_folder(path: &Path) -> Result<(), IdentityError> {
    DirBuilder::new().mode(0o700).create(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => IdentityError::Exists(path.to_owned()),
        _ => IdentityError::file(path)(error),
    })
}

/// Opens a new file for the owner alone. `None` if it is there.
pub(super) fn new_file(path: &Path) -> Result<Option<File>, IdentityError> {
    match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(IdentityError::file(path)(error)),
    }
}

/// Writes a new file and waits until it is on the disk, name and all. False if it is there already.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<bool, IdentityError> {
    let Some(mut file) = new_file(path)? else { return Ok(false) };
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(IdentityError::file(path))?;
    sync_folder_of(path)?;
    Ok(true)
}

/// Waits until what was made or removed beside `path` is on the disk.
pub(super) fn sync_folder_of(path: &Path) -> Result<(), IdentityError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(IdentityError::file(folder))
}
