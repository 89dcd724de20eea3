//! An object of the store, and its JSON while somebody is about to be told it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use bytes::Bytes;
use serde_json::Value;

/// An object as JSON, when it has been asked for.
pub type Text = Arc<OnceLock<Bytes>>;

/// An object, and its JSON as long as there is somebody who keeps it: all who list it at the same time share one.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) object: Arc<Value>,
    text: Mutex<Weak<OnceLock<Bytes>>>,
}

impl Held {
    /// An object that has just been written, and what is kept of it for those who are told of the change.
    pub(super) fn new(object: Arc<Value>, text: &Text) -> Self {
        let text = Mutex::new(Arc::downgrade(text));
        Self { object, text }
    }

    /// Its JSON, which is gone again with the last one who has this.
    pub(super) fn text(&self) -> Text {
        let mut kept = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        kept.upgrade().unwrap_or_else(|| {
            let text = Text::default();
            *kept = Arc::downgrade(&text);
            text
        })
    }
}
