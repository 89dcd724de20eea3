//! Waiting until all runs that was asked for, and nothing ends any more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use ringfence_apiserver::object::{is_terminating, items, text, uid};
use ringfence_controllers::View;
use ringfence_model::{ObjectKey, ObjectName};
use serde_json::Value;

use super::super::api::{key_of, pod_name, timestamp};
use super::super::{Lab, PODS_LIMIT, names};

/// Asked of controllers before all is settled; that nodes give signs of life is nothing to wait for.
const UNASKED: &str = "lease";

/// Whose pods somebody waits for.
#[derive(Debug)]
pub(super) struct Awaited {
    keys: BTreeSet<ObjectKey>,
    /// Pods that were there before, however they are.
    before: BTreeSet<String>,
}

impl Awaited {
    /// Those that are not there yet.
    pub(super) fn new(lab: &Lab, keys: BTreeSet<ObjectKey>) -> Self {
        let before = lab.stored("pods");
        Self {
            keys,
            before: before.iter().map(|pod| uid(pod).to_owned()).collect(),
        }
    }

    /// All of them.
    pub(super) const fn of_all(keys: BTreeSet<ObjectKey>) -> Self {
        Self {
            keys,
            before: BTreeSet::new(),
        }
    }
}

/// How far it is.
enum Progress {
    /// All is as it should be; these pods are new.
    Settled(Vec<ObjectName>),
    Waiting(String),
}

impl Lab {
    /// Waits until every new pod of what is `awaited` runs or has run, none of its pods ends any more, the controllers want
    /// nothing, and every node enforces it.
    ///
    /// # Errors
    /// If a pod cannot be started or is late; the text names it and the reason.
    pub(super) fn wait_until_settled(
        self: &Arc<Self>,
        awaited: &Awaited,
        progress: &mut dyn FnMut(&str),
    ) -> anyhow::Result<()> {
        let new = self.wait_for(|| self.progress(awaited))?;
        if !new.is_empty() {
            progress(&format!("pods running: {}", names::join(&new)));
        }
        self.wait_until_enforced()?;
        self.balance();
        progress("every node enforces the policies");
        Ok(())
    }

    /// Waits until the object of this uid is no longer there.
    pub(super) fn wait_until_gone(
        self: &Arc<Self>,
        key: &ObjectKey,
        of: &str,
    ) -> anyhow::Result<()> {
        let gone = || {
            let stored = self.stored_by(key);
            Ok(if stored.is_some_and(|stored| uid(&stored) == of) {
                Progress::Waiting(format!("{key} is still there"))
            } else {
                Progress::Settled(Vec::new())
            })
        };
        self.wait_for(gone).map(drop)
    }

    fn wait_for(
        &self,
        progress: impl Fn() -> anyhow::Result<Progress>,
    ) -> anyhow::Result<Vec<ObjectName>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .context("cannot wait for changes")?;
        let deadline = Instant::now() + PODS_LIMIT;
        let mut revisions = self.api.revisions();
        loop {
            revisions.borrow_and_update();
            let waiting = match progress()? {
                Progress::Settled(new) => return Ok(new),
                Progress::Waiting(reason) => reason,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            anyhow::ensure!(
                !left.is_zero(),
                "{waiting} after {} s",
                PODS_LIMIT.as_secs()
            );
            let changed = async { tokio::time::timeout(left, revisions.changed()).await };
            let _ = runtime.block_on(changed);
        }
    }

    fn progress(&self, awaited: &Awaited) -> anyhow::Result<Progress> {
        let view = View::of(&self.api.store(), &self.controllers.settings);
        let mut new = Vec::new();
        for pod in view.objects("pods") {
            let name = pod_name(pod);
            if is_terminating(pod) {
                return Ok(Progress::Waiting(format!("pod {name} has not ended")));
            }
            let is_new = !awaited.before.contains(uid(pod)) && self.belongs(pod, awaited);
            let waits = || text(pod, &["status", "phase"]) == "Pending";
            if is_new && (waits() || self.could_not_start(pod, &name)) {
                return self.pending(pod, &name);
            }
            new.extend(is_new.then_some(name));
        }
        let idle = self.controllers.controllers.iter().all(|controller| {
            controller.name == UNASKED || (controller.decide)(&view, timestamp()).is_empty()
        });
        if idle {
            Ok(Progress::Settled(new))
        } else {
            let waiting = "the controllers are still at work".to_owned();
            Ok(Progress::Waiting(waiting))
        }
    }

    fn belongs(&self, pod: &Value, awaited: &Awaited) -> bool {
        let root = key_of(&self.root_of(pod));
        root.is_some_and(|key| awaited.keys.contains(&key))
    }

    fn could_not_start(&self, pod: &Value, name: &ObjectName) -> bool {
        let state = self.lock();
        let record = state.pods.get(name).filter(|record| record.uid == uid(pod));
        record.is_some_and(|record| record.failure.is_some())
    }

    /// A pod that does not run yet; one that was tried in vain is an error.
    fn pending(&self, pod: &Value, name: &ObjectName) -> anyhow::Result<Progress> {
        let state = self.lock();
        let record = state.pods.get(name).filter(|record| record.uid == uid(pod));
        let message = record.and_then(|record| record.message.clone());
        if record.is_some_and(|record| record.failure.is_some()) {
            anyhow::bail!("pod {name} does not run: {}", message.unwrap_or_default());
        }
        drop(state);
        let reason = message.or_else(|| reason(pod));
        let reason = reason.unwrap_or_else(|| "it is starting".to_owned());
        Ok(Progress::Waiting(format!(
            "pod {name} does not run ({reason})"
        )))
    }
}

/// Why a pod has no node.
fn reason(pod: &Value) -> Option<String> {
    let conditions = items(pod, &["status", "conditions"]).iter();
    let messages = conditions.map(|one| text(one, &["message"]));
    messages
        .filter(|message| !message.is_empty())
        .map(str::to_owned)
        .next()
}
