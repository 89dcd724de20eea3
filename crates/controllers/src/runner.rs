//! Carrying out: looks at the store whenever it changes, asks each controller, and hands its writes to the API.
//!
//! The only place with a clock, chance and a thread. Writes go through the API like anybody's, so they are checked,
//! defaulted, admitted, and refused if somebody else was faster; then the next look decides anew.

mod told;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ringfence_apiserver::api::{Api, Body, Moment};
use ringfence_apiserver::object::{self, text};
use ringfence_apiserver::server::random;
use ringfence_apiserver::time::Timestamp;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::event::{Said, event};
use crate::{Controller, Settings, Verb, View, Write, owner};

/// How long nothing may change before the controllers are asked again, for what is due by time alone.
const PAUSE: Duration = Duration::from_secs(1);
/// Rounds without a pause, so that two controllers that disagree for ever do not take a processor.
const MOST_ROUNDS: usize = 100;

/// What a [`Runner`] runs.
#[derive(Clone, Debug)]
pub struct RunnerConfig {
    /// The controllers, in the order in which they are asked.
    pub controllers: Vec<Controller>,
    /// What they are told beside the store.
    pub settings: Settings,
}

impl RunnerConfig {
    /// All controllers, with names by chance, where the API is known by this certificate.
    #[must_use]
    pub fn all(authority: &str) -> Self {
        let seed = random() & u128::from(u64::MAX);
        Self {
            controllers: crate::CONTROLLERS.to_vec(),
            settings: Settings {
                seed: u64::try_from(seed).unwrap_or_default(),
                authority: authority.into(),
            },
        }
    }
}

/// Controllers at work until this is dropped.
#[derive(Debug)]
pub struct Runner {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Runner {
    /// Starts the controllers over `api`, in a thread of their own.
    ///
    /// # Errors
    /// If the thread cannot start.
    pub fn start(api: Arc<Api>, config: RunnerConfig) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let mut work = Work {
            api,
            config,
            view: None,
            refused: BTreeMap::new(),
        };
        let run = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = work.go_on() => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new()
            .name("controllers".to_owned())
            .spawn(run)?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the controllers ended by a panic");
        }
    }
}

struct Work {
    api: Arc<Api>,
    config: RunnerConfig,
    view: Option<Arc<View>>,
    /// What was last refused of whom, so that it is told once.
    refused: BTreeMap<String, String>,
}

impl Work {
    async fn go_on(&mut self) {
        let mut revisions = self.api.revisions();
        loop {
            let mut rounds = 0;
            revisions.borrow_and_update();
            while self.round() > 0 && rounds < MOST_ROUNDS {
                rounds += 1;
                revisions.borrow_and_update();
                tokio::task::yield_now().await;
            }
            let _ = tokio::time::timeout(PAUSE, revisions.changed()).await;
        }
    }

    /// Asks each controller once; how many writes were taken.
    fn round(&mut self) -> usize {
        let mut taken = 0;
        for controller in self.config.controllers.clone() {
            let view = self.look();
            for write in (controller.decide)(&view, now()) {
                taken += usize::from(self.carry_out(&controller, &write));
            }
        }
        taken
    }

    /// What there is now; the last view if nothing has changed since.
    fn look(&mut self) -> Arc<View> {
        let store = self.api.store();
        let last = self.view.take();
        let last = last.filter(|view| view.revision() == store.revision());
        let view = last.unwrap_or_else(|| Arc::new(View::of(&store, &self.config.settings)));
        drop(store);
        self.view = Some(Arc::clone(&view));
        view
    }

    fn carry_out(&mut self, controller: &Controller, write: &Write) -> bool {
        let Some(request) = write.request(self.api.kinds(), controller.manager) else {
            return false;
        };
        let moment = Moment {
            now: now(),
            random: &random,
        };
        let answer = self.api.handle(&request, &moment);
        let owner = owner::controller(&write.object).map_or("", |owner| text(owner, &["uid"]));
        let subject = format!("{:?} {} {owner}", write.verb, request.path.join("/"));
        if answer.code < 300 {
            self.refused.remove(&subject);
            if let Some(event) = told::event_of(controller, write, self.before(write), now()) {
                self.carry_out(controller, &event);
            }
            return true;
        }
        let message = if let Body::Json(status) = &answer.body {
            text(status, &["message"])
        } else {
            ""
        };
        self.tell(controller, (answer.code, subject), message, write);
        false
    }

    /// The object of a write as it was when the write was decided.
    fn before(&self, write: &Write) -> Option<&Value> {
        let word = |field| text(&write.object, &[field]);
        let kinds = self.api.kinds();
        let kind = kinds.of_object(word("apiVersion"), word("kind"))?;
        let (namespace, name) = (
            object::namespace(&write.object),
            object::name(&write.object),
        );
        self.view.as_ref()?.get(&kind.resource(), namespace, name)
    }

    /// Says what was refused, once. That somebody else was faster is how things are.
    fn tell(
        &mut self,
        controller: &Controller,
        (code, subject): (u16, String),
        message: &str,
        write: &Write,
    ) {
        let name = object::name(&write.object);
        if matches!(code, 404 | 409) {
            return tracing::debug!(controller.name, name, code, message, "decided anew");
        }
        let known = self.refused.insert(subject, message.to_owned());
        if known.as_deref() == Some(message) {
            return;
        }
        tracing::warn!(controller.name, name, verb = ?write.verb, code, message, "a write was refused");
        if let Some(event) = refusal(controller, write, message) {
            self.carry_out(controller, &event);
        }
    }
}

/// What the owner is told of an object that could not be made: there its users look for the reason.
fn refusal(controller: &Controller, write: &Write, message: &str) -> Option<Write> {
    let about = told::owner(&write.object).filter(|_| write.verb == Verb::Create)?;
    let said = Said {
        kind: "Warning",
        reason: "FailedCreate",
        message: &format!("Error creating: {message}"),
        component: &format!("{}-controller", controller.name),
    };
    Some(Write {
        verb: Verb::Create,
        object: event(&about, &said, now()),
    })
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
