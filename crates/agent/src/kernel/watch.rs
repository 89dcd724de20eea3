//! Who else changes the ruleset.

use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use anyhow::{Error, Result};
use ringfence_netlink::nftables::{Monitor, Nftables, Owner, TableFlags};

use crate::run::Input;
use crate::state::Event;

/// How long to wait after notifications were lost.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens for changes that may be of the agent's table and not its own.
pub(super) struct Watch {
    table: String,
    monitor: Monitor,
    nftables: Nftables,
    /// The port of the connection that commits.
    own: u32,
}

impl Watch {
    /// Begins to listen beside the connection that commits.
    pub(super) fn new(table: &str, committing: &Nftables) -> Result<Self> {
        Ok(Self {
            table: table.to_owned(),
            monitor: Monitor::open()?,
            nftables: Nftables::open()?,
            own: committing.port(),
        })
    }

    /// Reports until the loop is gone.
    pub(super) fn listen(&mut self, inputs: &Sender<Input>) {
        loop {
            if self.next_is_foreign() && inputs.send(Input::Event(Event::ForeignEdit)).is_err() {
                return;
            }
        }
    }

    /// Waits for a change, and tells whether it may be somebody else's change of the table.
    fn next_is_foreign(&mut self) -> bool {
        match self.monitor.next() {
            Ok(change) => change.port != self.own && !self.is_protected(),
            Err(error) => {
                // Notifications were lost: there was a change.
                tracing::debug!("{:#}", Error::from(error));
                thread::sleep(PAUSE);
                !self.is_protected()
            }
        }
    }

    /// Nobody else can have changed a table that belongs to the agent, however often rulesets of others change.
    fn is_protected(&mut self) -> bool {
        let awake_and_own = TableFlags {
            owner: Owner::Port(self.own),
            dormant: false,
        };
        matches!(self.nftables.table_flags(&self.table), Ok(Some(flags)) if flags == awake_and_own)
    }
}
