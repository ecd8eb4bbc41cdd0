//! Elements written one after the other.

use super::{ElementId, ElementKind, Elements, ExtensionId, TypedElement};

/// Writes elements to the end of a buffer, which may already hold the rest of the frame.
#[derive(Debug)]
pub struct ElementWriter<'b> {
    out: &'b mut Vec<u8>,
}

impl<'b> ElementWriter<'b> {
    /// A writer to the end of `out`.
    pub const fn new(out: &'b mut Vec<u8>) -> Self {
        Self { out }
    }

    /// An element that is understood.
    pub fn put<'a>(&mut self, element: &impl TypedElement<'a>) -> &mut Self {
        self.put_kind(kind_of(element), |out| element.emit(out))
    }

    /// An element by identifier and data.
    pub fn element(&mut self, id: ElementId, data: &[u8]) -> &mut Self {
        self.put_kind(ElementKind::Id(id), |out| out.extend_from_slice(data))
    }

    /// An element by extension identifier and data.
    pub fn extension(&mut self, extension: ExtensionId, data: &[u8]) -> &mut Self {
        self.put_kind(ElementKind::Extension(extension), |out| out.extend_from_slice(data))
    }

    /// A vendor specific element.
    pub fn vendor(&mut self, oui: [u8; 3], vendor_type: u8, data: &[u8]) -> &mut Self {
        self.put_kind(ElementKind::Vendor(oui, vendor_type), |out| out.extend_from_slice(data))
    }

    /// Elements that are already bytes.
    pub fn raw(&mut self, elements: &[u8]) -> &mut Self {
        self.out.extend_from_slice(elements);
        self
    }

    /// The rates, each in units of 500 kb/s with bit 7 set if it is basic: up to eight in Supported Rates, the others in
    /// Extended Supported Rates. The order of elements in a frame body puts other elements between the two
    /// (802.11-2020 9.3.3); receivers take them anywhere.
    pub fn rates(&mut self, rates: &[u8]) -> &mut Self {
        let (first, more) = rates.split_at(rates.len().min(8));
        self.element(ElementId::SUPPORTED_RATES, first);
        if more.is_empty() { self } else { self.element(ElementId::EXTENDED_RATES, more) }
    }

    /// An element whose data `write` appends. Data too long for one element goes on in Fragment elements (802.11-2020
    /// 10.28.11).
    pub fn put_kind(&mut self, kind: ElementKind, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        let start = self.out.len();
        let id = match kind {
            ElementKind::Id(id) => id,
            ElementKind::Extension(_) => ElementId::EXTENSION,
            ElementKind::Vendor(..) => ElementId::VENDOR,
        };
        self.out.extend_from_slice(&[id.0, 0]);
        match kind {
            ElementKind::Id(_) => {}
            ElementKind::Extension(extension) => self.out.push(extension.0),
            ElementKind::Vendor([a, b, c], vendor_type) => {
                self.out.extend_from_slice(&[a, b, c, vendor_type])
            }
        }
        write(self.out);
        self.close(start);
        self
    }

    /// Sets the length of the element that begins at `start`, after splitting it if it is too long.
    fn close(&mut self, start: usize) {
        let data = start + 2;
        let mut head = start;
        let mut left = self.out.len().saturating_sub(data);
        while left > 255 {
            self.set(head + 1, 255);
            head += 2 + 255;
            self.out.splice(head..head, [ElementId::FRAGMENT.0, 0]);
            left -= 255;
        }
        self.set(head + 1, left as u8);
    }

    fn set(&mut self, at: usize, value: u8) {
        if let Some(byte) = self.out.get_mut(at) {
            *byte = value;
        }
    }
}

const fn kind_of<'a, T: TypedElement<'a>>(_: &T) -> ElementKind {
    T::KIND
}

/// Elements that own their bytes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ElementsBuf(Vec<u8>);

impl ElementsBuf {
    /// No elements.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// To write more of them.
    pub const fn writer(&mut self) -> ElementWriter<'_> {
        ElementWriter::new(&mut self.0)
    }

    /// To read them.
    pub fn elements(&self) -> Elements<'_> {
        Elements::new(&self.0)
    }

    /// Their bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Their bytes, given up.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl std::fmt::Debug for ElementsBuf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.elements().fmt(f)
    }
}
