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

/// What is said of a pod of which nothing else is known.
const STARTING: &str = "it is starting";

/// A pod that does not run.
struct Missing {
    /// Whether nothing speaks against it.
    may_come: bool,
    /// Which one, and why.
    text: String,
}

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
        let nodes = self.feed.progress().into_iter();
        let troubles: Vec<_> = nodes
            .filter_map(|(node, it)| Some(format!("node {node}: {}", it.trouble?)))
            .collect();
        if troubles.is_empty() {
            progress("every node enforces the policies");
        }
        troubles.iter().for_each(|trouble| progress(trouble));
        Ok(())
    }

    /// Waits until the pods of a snapshot run. Those that do not are told and stay as they are: the lab before had them like that, too.
    ///
    /// # Errors
    /// If the nodes do not come to enforce it.
    pub(in super::super) fn settle_restored(
        self: &Arc<Self>,
        progress: &dyn Fn(&str),
    ) -> anyhow::Result<()> {
        if self.config.snapshot.is_none() {
            return Ok(());
        }
        let settled = self.wait_for(|| {
            let view = View::of(&self.api.store(), &self.controllers.settings);
            let missing = self.not_running(&view);
            match missing.into_iter().find(|one| one.may_come) {
                Some(one) => Ok(Progress::Waiting(one.text)),
                None => Ok(self.idle(&view, Vec::new())),
            }
        });
        let view = View::of(&self.api.store(), &self.controllers.settings);
        let missing = self.not_running(&view);
        if missing.is_empty() {
            if let Err(late) = settled {
                progress(&format!("of the snapshot: {late:#}"));
            }
        } else {
            let all = names::join(missing.into_iter().map(|one| one.text));
            progress(&format!("of the snapshot do not run: {all}"));
        }
        self.wait_until_enforced()?;
        self.balance();
        Ok(())
    }

    fn not_running(&self, view: &View) -> Vec<Missing> {
        let waiting = view.objects("pods");
        let waiting = waiting
            .filter(|pod| text(pod, &["status", "phase"]) == "Pending" || is_terminating(pod));
        let missing = waiting.map(|pod| {
            let name = pod_name(pod);
            let (message, failed) = self.trouble(pod, &name);
            let refused = refused(pod);
            let placed = !text(pod, &["spec", "nodeName"]).is_empty();
            let may_come = !failed && refused.is_none() && (placed || reason(pod).is_none());
            let reason = message.or(refused).or_else(|| reason(pod));
            Missing {
                may_come,
                text: format!("pod {name} ({})", reason.as_deref().unwrap_or(STARTING)),
            }
        });
        missing.collect()
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
        Ok(self.idle(&view, new))
    }

    /// Settled, with these `new` pods, once the controllers want nothing.
    fn idle(&self, view: &View, new: Vec<ObjectName>) -> Progress {
        let idle = self.controllers.controllers.iter().all(|controller| {
            controller.name == UNASKED || (controller.decide)(view, timestamp()).is_empty()
        });
        if idle {
            Progress::Settled(new)
        } else {
            Progress::Waiting("the controllers are still at work".to_owned())
        }
    }

    fn belongs(&self, pod: &Value, awaited: &Awaited) -> bool {
        let root = key_of(&self.root_of(pod));
        root.is_some_and(|key| awaited.keys.contains(&key))
    }

    /// What is told of a pod that does not run yet, and whether it was tried in vain.
    fn trouble(&self, pod: &Value, name: &ObjectName) -> (Option<String>, bool) {
        let state = self.lock();
        let record = state.pods.get(name).filter(|record| record.uid == uid(pod));
        let message = record.and_then(|record| record.message.clone());
        (
            message,
            record.is_some_and(|record| record.failure.is_some()),
        )
    }

    fn could_not_start(&self, pod: &Value, name: &ObjectName) -> bool {
        self.trouble(pod, name).1
    }

    /// A pod that does not run yet; one that was tried in vain is an error.
    fn pending(&self, pod: &Value, name: &ObjectName) -> anyhow::Result<Progress> {
        let (message, failed) = self.trouble(pod, name);
        if failed {
            anyhow::bail!("pod {name} does not run: {}", message.unwrap_or_default());
        }
        let reason = message.or_else(|| reason(pod));
        let reason = reason.as_deref().unwrap_or(STARTING);
        Ok(Progress::Waiting(format!(
            "pod {name} does not run ({reason})"
        )))
    }
}

/// Why a container of a pod is not made.
fn refused(pod: &Value) -> Option<String> {
    let statuses = items(pod, &["status", "containerStatuses"]).iter();
    let mut messages = statuses.map(|one| text(one, &["state", "waiting", "message"]));
    let found = messages.find(|message| !message.is_empty());
    found.map(str::to_owned)
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
