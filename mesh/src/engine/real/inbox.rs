//! What waits to be polled: bounded, and a bell.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::engine::Event;

/// Messages that wait; beyond, their senders wait.
const MESSAGES: usize = 256;
/// Frames and notices that wait; beyond, they are dropped.
const FRAMES: usize = 4096;

/// Called, from any thread, when there is something to poll.
pub type Waker = Box<dyn Fn() + Send + Sync>;

pub(super) struct Inbox {
    queue: Mutex<Queue>,
    room: Notify,
    waker: Waker,
    /// The waker was called and nobody has found nothing since.
    rung: AtomicBool,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    messages: usize,
    frames: usize,
}

impl Queue {
    fn take_message(&mut self, event: Event) -> Result<(), Event> {
        if self.messages >= MESSAGES {
            return Err(event);
        }
        self.messages += 1;
        self.events.push_back(event);
        Ok(())
    }
}

impl Inbox {
    pub(super) fn new(waker: Waker) -> Self {
        Self { queue: Mutex::default(), room: Notify::new(), waker, rung: AtomicBool::new(false) }
    }

    /// What happened to peers: rare, and as often as there are sessions.
    pub(super) fn tell(&self, event: Event) {
        self.queue().events.push_back(event);
        self.ring();
    }

    /// A message, when there is room for it.
    pub(super) async fn message(&self, mut event: Event) {
        loop {
            let room = self.room.notified();
            match self.queue().take_message(event) {
                Ok(()) => break,
                Err(back) => event = back,
            }
            room.await;
        }
        self.ring();
    }

    /// A frame or notice. False if there is no room.
    pub(super) fn frame(&self, event: Event) -> bool {
        let mut queue = self.queue();
        if queue.frames >= FRAMES {
            return false;
        }
        queue.frames += 1;
        queue.events.push_back(event);
        drop(queue);
        self.ring();
        true
    }

    pub(super) fn pop(&self) -> Option<Event> {
        let mut queue = self.queue();
        let event = queue.events.pop_front()?;
        match event {
            Event::Message { .. } => {
                queue.messages -= 1;
                self.room.notify_one();
            }
            Event::Frame { .. } | Event::Notice { .. } => queue.frames -= 1,
            _ => {}
        }
        Some(event)
    }

    /// Calls the waker, once until [`found_nothing`](Self::found_nothing).
    pub(super) fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            (self.waker)();
        }
    }

    /// From here on the waker is called again. Look once more after this: what came before it rang nobody.
    pub(super) fn found_nothing(&self) {
        self.rung.store(false, Ordering::Release);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
