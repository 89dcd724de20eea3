//! One message, one response: from the zone at once, from others after a while.

use std::sync::Arc;
use std::time::Instant;

use hickory_proto::op::{Query, ResponseCode};

use super::outside::Outside;
use super::{Handle, ServeOptions};
use crate::cache::Key;
use crate::metrics::{Limit, Metrics};
use crate::plan::{Plan, plan};
use crate::question::Request;
use crate::reply::{Reply, Transport};

/// What becomes of a message.
pub(super) enum Step {
    /// It gets no response.
    Silence,
    /// The response.
    Respond(Vec<u8>),
    /// Somebody else has to be asked.
    Ask(Box<Pending>),
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
    metrics: Arc<Metrics>,
}

impl Resolver {
    pub(super) fn new(handle: Handle, options: ServeOptions) -> Self {
        let metrics = options.metrics;
        Self {
            handle,
            outside: Outside::new(options.upstream, Arc::clone(&metrics)),
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
            Plan::Reply(reply) => self.done(&request, &reply, transport, since),
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
        self.done(&pending.request, &reply, pending.transport, pending.since)
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
