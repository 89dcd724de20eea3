//! What comes from the store and from the CNI plugin.

use std::time::Duration;

use ringfence_cni::{Endpoint, EndpointId, Request, Response};
use ringfence_model::ObjectName;

use super::{Action, Job, Machine, Plan, Ticket};
use crate::protocol::StoreEvent;

impl Machine {
    pub(super) fn store_event(&mut self, event: StoreEvent) -> Vec<Action> {
        if event == StoreEvent::Reset {
            self.beginnings += 1;
            self.forget_revisions();
        }
        self.audits.hear(&event);
        self.names.hear(&event);
        if self.view.handle(event, &mut self.compiler) {
            self.inputs_changed();
        }
        Vec::new()
    }

    /// The last state stays: a store that is away takes nothing back.
    pub(super) fn store_disconnected(&mut self) -> Vec<Action> {
        self.view.disconnect();
        self.forget_revisions();
        Vec::new()
    }

    pub(super) fn endpoints_loaded(
        &mut self,
        records: Vec<Endpoint>,
        now: Duration,
    ) -> Vec<Action> {
        self.endpoints.load(records);
        let deferred = self.deferred.take().unwrap_or_default();
        let answer = |(request, ticket)| self.request(request, ticket, now);
        deferred.into_iter().flat_map(answer).collect()
    }

    pub(super) fn request(
        &mut self,
        request: Request,
        ticket: Ticket,
        now: Duration,
    ) -> Vec<Action> {
        if let Some(deferred) = &mut self.deferred {
            deferred.push((request, ticket));
            return Vec::new();
        }
        let response = match request {
            Request::Wired(endpoint) => {
                self.inputs_changed();
                return self.endpoints.wire(endpoint, ticket, now);
            }
            Request::Released(id) => {
                self.inputs_changed();
                return self.endpoints.release(id, ticket, now);
            }
            Request::Check(id) => self.check(&id),
            Request::Status => self.status(),
        };
        vec![Action::Answer { ticket, response }]
    }

    pub(super) fn tick(&mut self, now: Duration) -> Vec<Action> {
        self.timer = None;
        let mut endpoints = std::mem::take(&mut self.endpoints);
        let (actions, changed) =
            endpoints.expire(now, |pod| self.obstacle(pod), |id| self.is_programmed(id));
        self.endpoints = endpoints;
        if changed {
            self.inputs_changed();
        }
        actions
    }

    /// Revisions count within one connection of the store only.
    fn forget_revisions(&mut self) {
        self.reported = None;
        if let Some(enforced) = &mut self.enforced {
            enforced.revision = None;
        }
        if let Job::Commit(transaction) = &mut self.job {
            transaction.next.revision = None;
        }
    }

    pub(super) fn inputs_changed(&mut self) {
        self.plan = Plan::Stale;
        self.changes += 1;
        self.commit_retry.changed();
    }

    fn check(&self, id: &EndpointId) -> Response {
        if self.is_programmed(id) {
            return Response::Done;
        }
        let message = "the kernel holds no rules for this endpoint".to_owned();
        Response::Failed {
            message,
            retry: true,
        }
    }

    fn status(&self) -> Response {
        match &self.enforced {
            Some(enforced) if self.view.is_following() && self.problem.is_none() => {
                Response::Ready {
                    endpoints: enforced.endpoints.len(),
                }
            }
            Some(_) | None => Response::Failed {
                message: self.obstacle(None),
                retry: true,
            },
        }
    }

    /// Why something is not done yet, for the operator.
    fn obstacle(&self, pod: Option<&ObjectName>) -> String {
        if !self.view.is_synced() {
            return "the node agent has not received the cluster's objects yet".to_owned();
        }
        if let Some(message) = pod.and_then(|pod| self.pod_obstacle(pod)) {
            return message;
        }
        match self.problem.as_ref().or(self.unrevoked.as_ref()) {
            Some(problem) => problem.clone(),
            None if !self.view.is_following() => {
                "the node agent is not connected to the source of the cluster's objects".to_owned()
            }
            None => "the kernel does not hold the rules yet".to_owned(),
        }
    }

    fn pod_obstacle(&self, pod: &ObjectName) -> Option<String> {
        match self.compiler.cluster().pods.get(pod) {
            None => Some(format!("pod {pod} is unknown to the node agent")),
            Some(known) if known.is_on_pod_network() => None,
            Some(_) => Some(format!("pod {pod} has finished or uses the node's network")),
        }
    }
}
