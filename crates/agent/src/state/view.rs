use ringfence_compile::Compiler;
use ringfence_model::Cluster;

use crate::protocol::StoreEvent;

/// How far the store has told the cluster, which the compiler holds. It is changed only by whole truths: between `Reset`
/// and `Synced` the last complete view stays.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// Objects received since `Reset`; `None` outside of it.
    incoming: Option<Cluster>,
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
                self.revision = None;
                false
            }
            StoreEvent::Apply(object) => match &mut self.incoming {
                Some(incoming) => {
                    object.apply_to(incoming);
                    false
                }
                None => compiler.change(object.into_change()),
            },
            StoreEvent::Delete(key) => match &mut self.incoming {
                Some(incoming) => {
                    key.delete_from(incoming);
                    false
                }
                None => compiler.change(key.into_change()),
            },
            StoreEvent::Synced { revision } => {
                self.revision = Some(revision);
                self.adopt(compiler)
            }
        }
    }

    /// The store hung up: what was half received is dropped, what was complete stays.
    pub(crate) fn disconnect(&mut self) {
        self.connected = false;
        self.incoming = None;
        self.revision = None;
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
