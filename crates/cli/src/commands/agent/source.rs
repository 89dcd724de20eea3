//! The words of a Kubernetes API, handed to the agent as they come.

use ringfence_agent::Teller;
use ringfence_agent::protocol::{AgentKey, AgentObject, StoreEvent};
use ringfence_kube::{Access, FollowOptions, Scope, Trouble, Word};

use super::installer::Installer;

/// Tells `teller` the cluster of `access` for as long as it listens.
pub(super) fn follow(
    access: &Access,
    scope: Scope,
    teller: &Teller,
    installer: Option<&Installer>,
) {
    let options = FollowOptions {
        scope,
        ..FollowOptions::default()
    };
    let listener = |word| {
        if let (Some(installer), Word::Apply(object)) = (installer, &word) {
            installer.hear(object);
        }
        tell(teller, word)
    };
    if let Err(error) = ringfence_kube::follow(access, options, listener) {
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
