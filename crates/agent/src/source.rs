//! How an agent hears of the cluster: from the store of its configuration, or from whoever is given a [`Teller`].

use std::path::PathBuf;
use std::sync::mpsc::Sender;

use anyhow::Result;
use ringfence_model::Holdings;

use crate::protocol::StoreEvent;
use crate::run::{Input, spawn};
use crate::state::Event;
use crate::store::{self, Reporter};

/// Where objects come from.
pub(crate) enum Source {
    /// The Unix socket of a store.
    Store(PathBuf),
    /// Somebody who tells, on a thread of its own.
    Told(Box<dyn FnOnce(Teller) + Send>),
}

/// Takes what somebody has to say of the cluster, in the words of [`crate::protocol`].
#[derive(Debug)]
pub struct Teller(Sender<Input>);

impl Teller {
    /// Says what has happened to the cluster; `false` if nobody listens any more.
    #[must_use]
    pub fn tell(&self, event: StoreEvent) -> bool {
        self.0.send(Input::Event(Event::Store(event))).is_ok()
    }

    /// Says which versions of the cluster's objects, by kind, all that was told up to `revision` is made of; `false` if nobody
    /// listens any more.
    #[must_use]
    pub fn hold(&self, revision: u64, holdings: Holdings) -> bool {
        self.0.send(Input::Held { revision, holdings }).is_ok()
    }

    /// Says that something is not heard at the moment, and why: `about` is a kind or an object. What was told stays.
    #[must_use]
    pub fn trouble(&self, about: String, message: String) -> bool {
        self.0.send(Input::Trouble { about, message }).is_ok()
    }
}

/// Hears of the cluster for as long as the process lives.
pub(crate) fn hear(source: Source, reporter: Reporter, inputs: &Sender<Input>) -> Result<()> {
    match source {
        Source::Store(path) => store::follow(path, reporter, inputs),
        Source::Told(tell) => {
            let teller = Teller(inputs.clone());
            spawn("source", inputs, move || tell(teller))
        }
    }
}
