//! Commands in pods, and what a server says that refuses them.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// More than any command here prints: the tables of a large node.
const MOST: u64 = 256 * 1024 * 1024;

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// What it printed to standard output.
    pub output: String,
    /// What it printed to standard error.
    pub complaint: String,
}

/// Runs `command` until it ends.
pub(crate) async fn run(
    api: &Api<Pod>,
    (pod, container): (&str, &str),
    command: &[String],
) -> Result<Ended, String> {
    let output = AttachParams::default()
        .container(container)
        .stdin(false)
        .stdout(true)
        .stderr(true);
    let started = api.exec(pod, command, &output).await;
    let mut process = started.map_err(message)?;
    let (stdout, stderr) = (process.stdout(), process.stderr());
    let status = process.take_status();
    let (output, complaint) = futures_util::future::join(text(stdout), text(stderr)).await;
    let status = match status {
        Some(status) => status.await,
        None => None,
    };
    let code = exit_code(status.ok_or("the connection to the pod broke off")?)?;
    Ok(Ended {
        code,
        output,
        complaint,
    })
}

/// Starts `command`, and takes what it prints out of its way.
pub(crate) async fn start(
    api: &Api<Pod>,
    (pod, container): (&str, &str),
    command: &[String],
) -> Result<AttachedProcess, String> {
    let output = AttachParams::default()
        .container(container)
        .stdin(false)
        .stdout(false)
        .stderr(true);
    let started = api.exec(pod, command, &output).await;
    let mut process = started.map_err(message)?;
    if let Some(mut printed) = process.stderr() {
        tokio::spawn(async move { tokio::io::copy(&mut printed, &mut tokio::io::sink()).await });
    }
    Ok(process)
}

async fn text(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        // What comes after an error would not be read anyway.
        let _ = stream.take(MOST).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// The exit code in the status that ends a command; anything else that it says is an error.
fn exit_code(status: Status) -> Result<i32, String> {
    if status.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    let causes = status
        .details
        .and_then(|details| details.causes)
        .unwrap_or_default();
    let code = causes
        .iter()
        .find(|cause| cause.reason.as_deref() == Some("ExitCode"));
    let code = code.and_then(|cause| cause.message.as_ref()?.parse().ok());
    code.ok_or_else(|| {
        status
            .message
            .unwrap_or_else(|| "the command did not run".to_owned())
    })
}

/// What the server says, or why it says nothing.
pub(crate) fn message(error: kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        return status.message.clone();
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn code(status: Value) -> Result<i32, String> {
        exit_code(serde_json::from_value(status).unwrap())
    }

    #[test]
    fn a_command_that_did_not_run_has_no_exit_code() {
        assert_eq!(code(json!({"status": "Success"})), Ok(0));
        let ended = json!({
            "status": "Failure", "reason": "NonZeroExitCode", "message": "command terminated with non-zero exit code",
            "details": {"causes": [{"reason": "ExitCode", "message": "7"}]},
        });
        assert_eq!(code(ended), Ok(7));
        let absent = "exec: \"/agnhost\": no such file or directory";
        let not_run = json!({"status": "Failure", "reason": "InternalError", "message": absent});
        assert_eq!(code(not_run), Err(absent.to_owned()));
        assert!(code(json!({})).is_err());
    }
}
