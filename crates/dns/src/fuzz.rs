//! What a fuzzer throws its bytes at. `fuzz/` runs it with coverage, a test replays what was found.

use std::sync::Arc;
use std::time::Instant;

use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::RecordType;

use crate::cache::{Cache, Found, Key};
use crate::reply::LARGEST_DATAGRAM;
use crate::{Zone, message};

/// Any bytes as a question to `zone`, and as what an upstream server says.
///
/// # Panics
/// If a response is longer than a datagram may be, cannot be read, or answers another question.
pub fn any_message(zone: &Zone, bytes: &[u8]) {
    if let Some(response) = zone.respond(bytes) {
        assert!(response.len() <= usize::from(LARGEST_DATAGRAM));
        let response = Message::from_vec(&response);
        assert!(response.is_ok_and(|response| {
            response.metadata.message_type == MessageType::Response
                && bytes.starts_with(&response.metadata.id.to_be_bytes())
        }));
    }
    if let Ok(said) = Message::from_vec(bytes) {
        remember(said, bytes.len());
    }
}

/// What the cache keeps of a message is what was said.
fn remember(said: Message, length: usize) {
    let Ok(name) = message::name("a.example") else {
        return;
    };
    let (mut cache, now) = (Cache::default(), Instant::now());
    let (key, answers) = (Key::new(name, RecordType::A), said.answers.len());
    cache.insert(&key, Arc::new(Found::new(said, length)), now);
    let kept = cache.get(&key, now);
    assert!(kept.is_none_or(|kept| kept.answers.len() == answers));
}
