//! What a client asks of a running pod: exec, attach, port-forward, logs. Only whether it can be meant is decided here.

use ringfence_model::ObjectName;
use serde_json::Value;

use super::answer::{Answer, Body};
use super::route::Route;
use super::{Api, Method, Moment, Request};
use crate::containers::{Container, Exec, LogOptions, Streams};
use crate::object::items;
use crate::status::ApiError;
use crate::time::Timestamp;

/// What is asked of a pod's containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Streaming {
    /// To run a command.
    Exec(Container, Exec),
    /// To join a container.
    Attach(Container, Streams),
    /// To reach a pod's ports: those named beforehand, where the client names them so.
    Forward(ObjectName, Vec<u16>),
    /// To read what was printed.
    Logs(Container, LogOptions),
}

/// The subresources of pods that are answered by what runs in them.
pub(super) fn is_streaming(route: &Route, subresource: &str) -> bool {
    let pod = route.kind.kind == "Pod" && route.kind.group.is_empty();
    pod && matches!(subresource, "exec" | "attach" | "portforward" | "log")
}

impl Api {
    pub(super) fn stream(
        &self,
        request: &Request,
        route: &Route,
        (pod_name, subresource): (&str, &str),
        moment: &Moment<'_>,
    ) -> Result<Answer, ApiError> {
        check_method(request.method, subresource)?;
        let pod = self.find(&route.kind, &route.key(pod_name))?;
        let named = ObjectName::new(route.namespace.as_deref().unwrap_or_default(), pod_name);
        let container = || container(request, &pod, named.clone());
        let streaming = match subresource {
            "exec" => Streaming::Exec(container()?, exec(request)?),
            "attach" => Streaming::Attach(container()?, streams(request)?),
            "log" => Streaming::Logs(container()?, log_options(request, moment)?),
            _ => Streaming::Forward(named.clone(), ports(request)?),
        };
        Ok(Answer {
            body: Body::Streaming(Box::new(streaming)),
            ..Answer::text("")
        })
    }
}

/// WebSockets begin with GET, SPDY with POST.
fn check_method(method: Method, subresource: &str) -> Result<(), ApiError> {
    let allowed = match method {
        Method::Get => true,
        Method::Post => subresource != "log",
        Method::Put | Method::Patch | Method::Delete => false,
    };
    let message = "the server does not allow this method on the requested resource";
    let refusal = || ApiError::not_allowed(message);
    allowed.then_some(()).ok_or_else(refusal)
}

fn exec(request: &Request) -> Result<Exec, ApiError> {
    let words = request.query.iter().filter(|(key, _)| key == "command");
    let command: Vec<String> = words.map(|(_, word)| word.clone()).collect();
    if command.is_empty() {
        return Err(ApiError::bad_request(
            "you must specify at least one command for the container",
        ));
    }
    let streams = streams(request)?;
    Ok(Exec { command, streams })
}

fn streams(request: &Request) -> Result<Streams, ApiError> {
    let tty = request.is_set("tty");
    let streams = Streams {
        stdin: request.is_set("stdin"),
        stdout: request.is_set("stdout"),
        stderr: request.is_set("stderr") && !tty,
        tty,
    };
    if streams.stdin || streams.stdout || request.is_set("stderr") {
        return Ok(streams);
    }
    let message = "you must specify at least 1 of stdin, stdout, stderr";
    Err(ApiError::bad_request(message))
}

fn ports(request: &Request) -> Result<Vec<u16>, ApiError> {
    let values = request.query.iter().filter(|(key, _)| key == "ports");
    let ports = values.flat_map(|(_, value)| value.split(','));
    let port = |text: &str| {
        let message = format!("ports: {text:?} is not a port");
        text.parse().map_err(|_| ApiError::bad_request(message))
    };
    ports.map(port).collect()
}

fn log_options(request: &Request, moment: &Moment<'_>) -> Result<LogOptions, ApiError> {
    if let Some(other) = request
        .parameter("stream")
        .filter(|stream| *stream != "All")
    {
        return Err(ApiError::bad_request(format!(
            "stream: {other:?} is not `All`: output and errors are one log here"
        )));
    }
    let ago = request.number("sinceSeconds")?;
    let ago = ago.map(|seconds| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        Timestamp(moment.now.0.saturating_sub(seconds))
    });
    let since = request.parameter("sinceTime").map(|text| {
        let message = format!("sinceTime: {text:?} is not a time");
        Timestamp::parse(text).ok_or_else(|| ApiError::bad_request(message))
    });
    Ok(LogOptions {
        follow: request.is_set("follow"),
        tail_lines: request.number("tailLines")?,
        since: ago.or(since.transpose()?),
        timestamps: request.is_set("timestamps"),
        previous: request.is_set("previous"),
        limit_bytes: request.number("limitBytes")?,
    })
}

/// The container that is meant: the one named, or the only one.
fn container(request: &Request, pod: &Value, named: ObjectName) -> Result<Container, ApiError> {
    let containers = names(pod, "containers");
    let chosen = match (request.parameter("container"), containers.as_slice()) {
        (Some(chosen), _) => chosen,
        (None, [only]) => only,
        (None, _) => {
            return Err(ApiError::bad_request(format!(
                "a container name must be specified for pod {}, choose one of: [{}]",
                named.name,
                containers.join(" ")
            )));
        }
    };
    let others = ["initContainers", "ephemeralContainers"].map(|list| names(pod, list));
    if !containers.contains(&chosen) && !others.concat().contains(&chosen) {
        return Err(ApiError::bad_request(format!(
            "container {chosen} is not valid for pod {}",
            named.name
        )));
    }
    Ok(Container {
        name: chosen.to_owned(),
        pod: named,
    })
}

fn names<'a>(pod: &'a Value, list: &str) -> Vec<&'a str> {
    let containers = items(pod, &["spec", list]).iter();
    containers
        .filter_map(|container| container.get("name")?.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(query: &[(&str, &str)]) -> Request {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Request {
            method: Method::Get,
            path: Vec::new(),
            query: query.iter().map(own).collect(),
            accept: String::new(),
            content_type: String::new(),
            user_agent: String::new(),
            if_none_match: None,
            body: Vec::new(),
        }
    }

    #[test]
    fn commands_keep_their_words() {
        let request = request(&[
            ("command", "sh"),
            ("stdout", "true"),
            ("command", "-c"),
            ("command", ""),
        ]);
        assert_eq!(exec(&request).unwrap().command, ["sh", "-c", ""]);
    }

    #[test]
    fn a_terminal_has_one_output() {
        let all = streams(&request(&[
            ("stdout", "true"),
            ("stderr", "true"),
            ("tty", "1"),
        ]));
        assert!(!all.unwrap().stderr);
        assert_eq!(streams(&request(&[("tty", "true")])).unwrap_err().code, 400);
    }

    #[test]
    fn the_only_container_need_not_be_named() {
        let pod = |names: &[&str]| {
            let containers: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            json!({"metadata": {"name": "p"}, "spec": {"containers": containers, "initContainers": [{"name": "i"}]}})
        };
        let meant = |query: &[(&str, &str)], names: &[&str]| {
            let found = container(&request(query), &pod(names), ObjectName::new("d", "p"));
            found
                .map(|container| container.name)
                .map_err(|error| error.message)
        };
        assert_eq!(meant(&[], &["a"]).unwrap(), "a");
        assert_eq!(meant(&[("container", "i")], &["a"]).unwrap(), "i");
        assert_eq!(
            meant(&[], &["a", "b"]).unwrap_err(),
            "a container name must be specified for pod p, choose one of: [a b]"
        );
        assert_eq!(
            meant(&[("container", "c")], &["a"]).unwrap_err(),
            "container c is not valid for pod p"
        );
    }
}
