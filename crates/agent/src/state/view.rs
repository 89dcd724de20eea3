use ringfence_model::Cluster;

use crate::protocol::StoreEvent;

/// The cluster as the store tells it, changed only by whole truths: between `Reset` and `Synced` the last
/// complete view stays.
#[derive(Debug, Default)]
pub(crate) struct View {
    cluster: Cluster,
    /// Objects received since `Reset`; `None` outside of it.
    incoming: Option<Cluster>,
    synced: bool,
    connected: bool,
    revision: Option<u64>,
}

impl View {
    /// The last complete view.
    pub(crate) const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

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

    /// Takes an event in; tells whether [`Self::cluster`] may have changed.
    pub(crate) fn handle(&mut self, event: StoreEvent) -> bool {
        self.connected = true;
        match event {
            StoreEvent::Reset => {
                self.incoming = Some(Cluster::default());
                self.revision = None;
                false
            }
            StoreEvent::Apply(object) => object.apply_to(self.target()) && self.incoming.is_none(),
            StoreEvent::Delete(key) => key.delete_from(self.target()) && self.incoming.is_none(),
            StoreEvent::Synced { revision } => {
                self.revision = Some(revision);
                self.adopt()
            }
        }
    }

    /// The store hung up: what was half received is dropped, what was complete stays.
    pub(crate) fn disconnect(&mut self) {
        self.connected = false;
        self.incoming = None;
        self.revision = None;
    }

    fn adopt(&mut self) -> bool {
        let Some(cluster) = self.incoming.take() else {
            return false;
        };
        let changed = !self.synced || cluster != self.cluster;
        self.synced = true;
        self.cluster = cluster;
        changed
    }

    fn target(&mut self) -> &mut Cluster {
        self.incoming.as_mut().unwrap_or(&mut self.cluster)
    }
}
