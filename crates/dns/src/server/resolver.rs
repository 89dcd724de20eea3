//! One message, one response: from the zone at once, from others after a while.

use std::sync::Arc;
use std::time::Instant;

use hickory_proto::op::{Query, ResponseCode};
use ringfence_model::Lesson;

use super::outside::Outside;
use super::{Handle, ServeOptions};
use crate::cache::Key;
use crate::metrics::{Limit, Metrics};
use crate::plan::{Plan, plan};
use crate::question::Request;
use crate::reply::{Reply, Transport};
use crate::teacher::Teacher;

/// What becomes of a message.
pub(super) enum Step {
    /// It gets no response.
    Silence,
    /// The response.
    Respond(Vec<u8>),
    /// Somebody else has to be asked.
    Ask(Box<Pending>),
    /// The response, and what agents must know first.
    Teach(Box<Taught>),
}

/// A response that agents must know of before it goes out.
pub(super) struct Taught {
    response: Vec<u8>,
    lesson: Lesson,
}

/// A question that the zone cannot answer alone.
pub(super) struct Pending {
    request: Request,
    query: Query,
    reply: Reply,
    key: Key,
    transport: Transport,
    since: Instant,
}

pub(super) struct Resolver {
    handle: Handle,
    outside: Outside,
    teacher: Teacher,
    metrics: Arc<Metrics>,
}

impl Resolver {
    pub(super) fn new(handle: Handle, options: ServeOptions) -> Self {
        let metrics = options.metrics;
        Self {
            handle,
            outside: Outside::new(options.upstream, Arc::clone(&metrics)),
            teacher: options.teacher,
            metrics,
        }
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Answers what can be answered at once.
    pub(super) fn begin(&self, bytes: &[u8], transport: Transport) -> Step {
        let since = Instant::now();
        let Some(request) = Request::read(bytes) else {
            return Step::Silence;
        };
        let kind = request.query.as_ref().map(Query::query_type);
        self.metrics.asked(transport, kind);
        let query = match (&request.problem, &request.query) {
            (None, Some(query)) => query.clone(),
            (problem, _) => {
                let code = problem.unwrap_or(ResponseCode::FormErr);
                return self.done(&request, &Reply::only(code), transport, since);
            }
        };
        let zone = self.handle.current();
        match plan(zone.as_deref(), &request, &query, !self.outside.is_empty()) {
            Plan::Reply(reply) => {
                let lesson = self.teacher.lesson(&query, &reply);
                held_back(self.done(&request, &reply, transport, since), lesson)
            }
            Plan::Ask(reply, key) => Step::Ask(Box::new(Pending {
                request,
                query,
                reply,
                key,
                transport,
                since,
            })),
        }
    }

    /// Answers the rest.
    pub(super) async fn finish(&self, pending: Pending) -> Step {
        let found = self.outside.find(&pending.key).await;
        let mut reply = pending.reply;
        let aliased = !reply.answers.is_empty();
        reply.code = found.code;
        reply.authoritative = aliased;
        reply.answers.extend(found.answers);
        reply.authorities = found.authorities;
        reply.write_name_as_in(&pending.query);
        let lesson = self.teacher.lesson(&pending.query, &reply);
        let done = self.done(&pending.request, &reply, pending.transport, pending.since);
        match held_back(done, lesson) {
            Step::Teach(taught) => self.teach(*taught).await,
            done @ (Step::Silence | Step::Respond(_) | Step::Ask(_)) => done,
        }
    }

    /// Gives the response when agents know what is in it, or have had their time.
    pub(super) async fn teach(&self, taught: Taught) -> Step {
        let in_time = self.teacher.teach(&taught.lesson).await;
        self.metrics.taught(in_time);
        Step::Respond(taught.response)
    }

    /// Gives the response though no agent knows what is in it: too many others are held back.
    pub(super) fn untaught(&self, taught: Taught) -> Step {
        self.metrics.taught(false);
        Step::Respond(taught.response)
    }

    /// Refuses what is too much.
    pub(super) fn refuse(&self, pending: &Pending) -> Step {
        self.metrics.limited(Limit::Questions);
        let reply = Reply::only(ResponseCode::Refused);
        self.done(&pending.request, &reply, pending.transport, pending.since)
    }

    fn done(&self, request: &Request, reply: &Reply, transport: Transport, since: Instant) -> Step {
        let recursion = !self.outside.is_empty();
        let written = reply.write(request, transport, recursion).or_else(|error| {
            tracing::warn!(%error, "response cannot be written");
            Reply::only(ResponseCode::ServFail).write(request, transport, recursion)
        });
        self.metrics.answered(reply.code, since.elapsed());
        written.map_or(Step::Silence, Step::Respond)
    }
}

/// A response, held back if there is a lesson in it.
fn held_back(step: Step, lesson: Option<Lesson>) -> Step {
    match (step, lesson) {
        (Step::Respond(response), Some(lesson)) => {
            Step::Teach(Box::new(Taught { response, lesson }))
        }
        (step, _) => step,
    }
}
