//! `airwatch FILE.pcap [--client MAC]... [--bssid MAC]... [--rekeys] [--rejoins] [--impostor] [--links]`: what is wrong
//! with a recording of the air. Ends with 1 if anything is.

use std::path::PathBuf;
use std::process::ExitCode;

use tests::airwatch::{self, Expected};

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("airwatch: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<usize, String> {
    let (mut expected, mut links, mut file) = (Expected::default(), false, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut address = || arguments.next().ok_or("a MAC address is missing")?.parse();
        match argument.as_str() {
            "--client" => drop(expected.clients.insert(address()?)),
            "--bssid" => drop(expected.access_points.insert(address()?)),
            "--rekeys" => expected.rekeys = true,
            "--rejoins" => expected.rejoins = true,
            "--impostor" => expected.impostor = true,
            "--links" => links = true,
            _ => file = Some(PathBuf::from(argument)),
        }
    }
    let frames = airwatch::read(&file.ok_or("which recording?")?)?;
    let violations = if links {
        airwatch::watch_links(&frames, expected.rekeys)
    } else {
        airwatch::watch(&frames, &expected)
    };
    violations.iter().for_each(|violation| println!("{violation}"));
    let acked = frames.iter().filter(|frame| frame.acked).count();
    println!("{} frames, {acked} of them acknowledged for certain: {} wrong", frames.len(), violations.len());
    Ok(violations.len())
}
