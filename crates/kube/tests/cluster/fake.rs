//! A server without TLS that gives the answers it is told to give.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use ringfence_kube::Access;
use serde_json::{Value, json};

use super::server::access;

pub(crate) struct Fake {
    directory: tempfile::TempDir,
}

type Answer = dyn Fn(&str) -> Option<(u16, Value)> + Send + Sync;

impl Fake {
    /// Gives what `answer` says for a path with its query; empty lists for what it says nothing about.
    pub(crate) fn start(
        answer: impl Fn(&str) -> Option<(u16, Value)> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answer: Arc<Answer> = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, answer) = (stream.unwrap(), Arc::clone(&answer));
                std::thread::spawn(move || serve(&stream, &*answer));
            }
        });
        let directory = tempfile::tempdir().unwrap();
        let text = kubeconfig(&format!("http://{address}"), "{token: s3cret}");
        std::fs::write(directory.path().join("kubeconfig"), text).unwrap();
        Self { directory }
    }

    pub(crate) fn access(&self) -> Access {
        access(&self.directory.path().join("kubeconfig"))
    }
}

fn serve(stream: &TcpStream, answer: &Answer) {
    let mut reader = BufReader::new(stream);
    let mut lines = reader.by_ref().lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    let path = first.split(' ').nth(1).unwrap();
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    // A connection that is closed with something unread in it takes the answer along.
    let length = head.iter().find_map(|line| {
        let line = line.to_ascii_lowercase();
        line.strip_prefix("content-length: ")?.parse().ok()
    });
    let mut body = vec![0; length.unwrap_or_default()];
    reader.read_exact(&mut body).unwrap();
    let (code, body) = answer(path).unwrap_or_else(|| (200, json!({"metadata": {}, "items": []})));
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {code} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = stream;
    stream.write_all((head + &body).as_bytes()).unwrap();
}

/// An error as the API writes it.
pub(crate) fn status(code: u16, reason: &str) -> Option<(u16, Value)> {
    let message = format!("{reason} it is");
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message,
    });
    Some((code, status))
}

pub(crate) fn kubeconfig(server: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: lab\nclusters:\n- name: c\n  cluster: {{server: {server:?}}}\n\
         users:\n- name: u\n  user: {user}\ncontexts:\n- name: lab\n  context: {{cluster: c, user: u}}\n\
         - name: other\n  context: {{cluster: missing, user: u}}\n"
    )
}
