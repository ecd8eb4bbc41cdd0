//! Frame buffers that come back.

/// Room for the longest MPDU that is built, so that a buffer grows once and never again.
const BUFFER: usize = 2400;

/// Buffers for frames. Taking one allocates only while fewer have come back than are needed at a time.
#[derive(Debug, Default)]
pub struct BufferPool {
    free: Vec<Vec<u8>>,
    most: usize,
}

impl BufferPool {
    /// An empty pool that keeps at most `most` buffers.
    pub fn new(most: usize) -> Self {
        Self { free: Vec::with_capacity(most), most }
    }

    /// An empty buffer with room for a frame.
    pub fn take(&mut self) -> Vec<u8> {
        self.free.pop().unwrap_or_else(|| Vec::with_capacity(BUFFER))
    }

    /// Gives a buffer back; its contents are forgotten.
    pub fn give(&mut self, mut buffer: Vec<u8>) {
        if self.free.len() < self.most && buffer.capacity() > 0 {
            buffer.clear();
            self.free.push(buffer);
        }
    }

    /// How many buffers are waiting.
    pub const fn len(&self) -> usize {
        self.free.len()
    }

    /// No buffer is waiting.
    pub const fn is_empty(&self) -> bool {
        self.free.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_came_back_is_taken_again_and_the_pool_is_bounded() {
        let mut pool = BufferPool::new(1);
        let mut buffer = pool.take();
        buffer.push(1);
        let at = buffer.as_ptr();
        pool.give(buffer);
        pool.give(Vec::with_capacity(9));
        assert_eq!(pool.len(), 1);
        let again = pool.take();
        assert!(again.is_empty() && std::ptr::eq(again.as_ptr(), at));
    }
}
