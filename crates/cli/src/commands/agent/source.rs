//! The words of a Kubernetes API, handed to the agent as they come.

use ringfence_agent::Teller;
use ringfence_agent::protocol::{AgentKey, AgentObject, StoreEvent};
use ringfence_kube::{Access, FollowOptions, Scope, Trouble, Word};

/// Tells `teller` the cluster of `access` for as long as it listens.
pub(super) fn follow(access: &Access, scope: Scope, teller: &Teller) {
    let options = FollowOptions {
        scope,
        ..FollowOptions::default()
    };
    if let Err(error) = ringfence_kube::follow(access, options, |word| tell(teller, word)) {
        tracing::error!("the cluster cannot be followed: {error}");
    }
}

fn tell(teller: &Teller, word: Word) -> bool {
    let event = match word {
        Word::Reset => Some(StoreEvent::Reset),
        Word::Apply(object) => AgentObject::of(*object).map(StoreEvent::Apply),
        Word::Delete(key) => AgentKey::of(key).map(StoreEvent::Delete),
        Word::Synced { revision } => Some(StoreEvent::Synced { revision }),
        Word::Trouble(trouble) => return complain(teller, trouble),
    };
    event.is_none_or(|event| teller.tell(event))
}

fn complain(teller: &Teller, trouble: Trouble) -> bool {
    let (about, message) = match trouble {
        Trouble::Watch { resource, message } => (resource, message),
        Trouble::Object { key, message } => (key.to_string(), message),
    };
    teller.trouble(about, message)
}
