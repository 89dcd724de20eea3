use ringfence_compile::{Change, Compiler};
use ringfence_model::Cluster;

use crate::protocol::StoreEvent;

/// How far the store has told the cluster, which the compiler holds. It is changed only by whole truths: between `Reset`
/// and `Synced`, and between `Begin` and `Synced`, the last complete view stays.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// Objects received since `Reset`; `None` outside of it.
    incoming: Option<Cluster>,
    /// Changes received since `Begin`; `None` outside of it.
    together: Option<Vec<Change>>,
    synced: bool,
    connected: bool,
    revision: Option<u64>,
}

impl View {
    /// Whether there has been a complete view.
    pub(crate) const fn is_synced(&self) -> bool {
        self.synced
    }

    /// Whether the view is complete and follows the store.
    pub(crate) const fn is_following(&self) -> bool {
        self.synced && self.connected && self.incoming.is_none()
    }

    pub(crate) const fn is_connected(&self) -> bool {
        self.connected
    }

    /// The last revision up to which everything was received on this connection.
    pub(crate) const fn revision(&self) -> Option<u64> {
        self.revision
    }

    /// Takes an event in; tells whether the cluster may have changed.
    pub(crate) fn handle(&mut self, event: StoreEvent, compiler: &mut Compiler) -> bool {
        self.connected = true;
        match event {
            StoreEvent::Reset => {
                self.incoming = Some(Cluster::default());
                self.together = None;
                self.revision = None;
                false
            }
            StoreEvent::Begin => {
                self.together.get_or_insert_default();
                false
            }
            StoreEvent::Apply(object) => match &mut self.incoming {
                Some(incoming) => {
                    object.apply_to(incoming);
                    false
                }
                None => self.change(object.into_change(), compiler),
            },
            StoreEvent::Delete(key) => match &mut self.incoming {
                Some(incoming) => {
                    key.delete_from(incoming);
                    false
                }
                None => self.change(key.into_change(), compiler),
            },
            StoreEvent::Synced { revision } => {
                self.revision = Some(revision);
                let mut changed = false;
                for change in self.together.take().unwrap_or_default() {
                    changed |= compiler.change(change);
                }
                self.adopt(compiler) || changed
            }
        }
    }

    /// The store hung up: what was half received is dropped, what was complete stays.
    pub(crate) fn disconnect(&mut self) {
        self.connected = false;
        self.incoming = None;
        self.together = None;
        self.revision = None;
    }

    fn change(&mut self, change: Change, compiler: &mut Compiler) -> bool {
        match &mut self.together {
            Some(together) => {
                together.push(change);
                false
            }
            None => compiler.change(change),
        }
    }

    fn adopt(&mut self, compiler: &mut Compiler) -> bool {
        let Some(mut cluster) = self.incoming.take() else {
            return false;
        };
        // No store tells what names have.
        cluster
            .domain_addresses
            .clone_from(&compiler.cluster().domain_addresses);
        let is_first = !self.synced;
        self.synced = true;
        compiler.replace(cluster) || is_first
    }
}
