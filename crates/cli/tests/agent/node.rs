//! A node: the agent's process, and pods that are wired to the calling thread's namespace.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ringfence_cni::plan::{Plan, host_interface};
use ringfence_cni::protocol::{receive, send};
use ringfence_cni::wiring::wire;
use ringfence_cni::{Endpoint, EndpointId, EndpointState, PodName, Request, Response};
use ringfence_netlink::namespace;
use ringfence_netlink::route::RouteSocket;
use ringfence_netlink::sysctl;
use tempfile::TempDir;

const PORT: u16 = 8080;
const METRICS: &str = "127.0.0.1:9470";
/// How long a packet that is dropped is waited for.
const SHORT: Duration = Duration::from_millis(400);
/// How long the agent is waited for, on a machine that has much else to do.
const LONG: Duration = Duration::from_secs(60);

pub(crate) struct Node {
    folder: TempDir,
    agent: Option<Child>,
}

impl Node {
    pub(crate) fn new() -> Self {
        sysctl::write(&["ipv4", "ip_forward"], "1").unwrap();
        let mut routes = RouteSocket::open().unwrap();
        let loopback = routes.link_by_name("lo").unwrap();
        routes.set_link_up(loopback.index, true).unwrap();
        Self {
            folder: tempfile::tempdir().unwrap(),
            agent: None,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the agent, which finds the cluster by the file `kubeconfig`.
    pub(crate) fn start(&mut self) {
        self.start_with("");
    }

    /// The same with further settings.
    pub(crate) fn start_with(&mut self, more: &str) {
        let settings = format!(
            "node: one\npodCidrs: [10.244.0.0/16]\nserviceCidrs: [10.96.0.0/16]\nstateDir: {}\ncniSocket: {}\n{more}",
            self.path("state").display(),
            self.path("cni.sock").display(),
        );
        std::fs::write(self.path("agent.yaml"), settings).unwrap();
        let agent = Command::new(env!("CARGO_BIN_EXE_ringfence"))
            .arg("agent")
            .arg("--kubeconfig")
            .arg(self.path("kubeconfig"))
            .arg("--config")
            .arg(self.path("agent.yaml"))
            .args(["--listen", METRICS, "--log", "json"])
            .env_remove("NODE_NAME")
            .stderr(std::fs::File::create(self.path("log")).unwrap())
            .spawn();
        self.agent = Some(agent.unwrap());
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap()
    }

    /// Ends the agent politely.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let mut agent = self.agent.take().unwrap();
        let pid = Pid::from_raw(i32::try_from(agent.id()).unwrap());
        kill(pid, Signal::SIGTERM).unwrap();
        agent.wait().unwrap()
    }

    /// Waits until the agent has ended by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.agent.take().unwrap().wait().unwrap()
    }

    /// Wires a pod as the plugin does: it is there when the agent has said so.
    pub(crate) fn wire(&self, name: &str, address: &str) -> Pod {
        let endpoint = endpoint(name, address);
        let netns = namespace::create().unwrap();
        let plan = Plan::new(&endpoint.id, &endpoint.addresses, 1450);
        wire(&plan, netns.as_fd()).unwrap();
        let request = Request::Wired(endpoint);
        let stream = UnixStream::connect(self.path("cni.sock")).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        send(&stream, &request).unwrap();
        let response: Response = receive(BufReader::new(&stream)).unwrap();
        assert_eq!(response, Response::Done, "{}", self.log());
        Pod { netns }
    }

    /// The head and the text of a page of the agent, if it answers.
    pub(crate) fn page(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(METRICS).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: node\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// Waits until `found` is true.
    pub(crate) fn eventually(&self, what: &str, mut found: impl FnMut() -> bool) {
        let end = Instant::now() + LONG;
        while !found() {
            assert!(Instant::now() < end, "{what} never came\n{}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            let _ = agent.kill();
            let _ = agent.wait();
        }
    }
}

pub(crate) struct Pod {
    netns: OwnedFd,
}

impl Pod {
    /// Takes every connection.
    pub(crate) fn serve(&self) {
        let listener = namespace::run_in(&self.netns, || TcpListener::bind(("0.0.0.0", PORT)));
        let listener = listener.unwrap().unwrap();
        thread::spawn(move || listener.incoming().for_each(drop));
    }

    /// Whether a connection to `address` comes about.
    pub(crate) fn reaches(&self, address: &str) -> bool {
        let address = SocketAddr::new(address.parse().unwrap(), PORT);
        let dial = || TcpStream::connect_timeout(&address, SHORT).is_ok();
        namespace::run_in(&self.netns, dial).unwrap()
    }
}

fn endpoint(name: &str, address: &str) -> Endpoint {
    let id = EndpointId::new(name, "eth0");
    Endpoint {
        host_interface: host_interface(&id),
        pod: Some(PodName {
            namespace: "shop".to_owned(),
            name: name.to_owned(),
        }),
        uid: None,
        netns: PathBuf::from("/nowhere"),
        network: "pods".to_owned(),
        addresses: vec![address.parse().unwrap()],
        state: EndpointState::Wired,
        id,
    }
}
