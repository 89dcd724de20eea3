//! A client that goes on sending from one port, while the backends of a Service change.

use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::net::UnixStream;

use ringfence_lab::control::client::RunningCommand;
use ringfence_lab::control::protocol::Request;

use super::{Addresses, FAMILIES, PODS};
use crate::support::{DUAL_STACK, Lab};

/// Sends from one socket for each line that it gets, until somebody answers, and says who.
const ASK: &str = r#"exec 3<>/dev/udp/$0/5353 && echo open
while read -r; do
  for i in 1 2 3 4 5; do
    echo '?' >&3
    answer=$(timeout 2 dd bs=2000 count=1 status=none <&3 | head -n 1)
    [ -n "$answer" ] && break
  done
  echo "$answer"
done"#;

/// Who keeps its tracking entry alive is led on when its backend goes, and stays where it is when another one comes: to a
/// backend of its node and to one elsewhere, of both families.
#[test]
fn datagrams_follow_their_service() {
    let pods = PODS.replace("{app: web}}", "{app: web, only: two}}");
    let led_to =
        |selector: &str| pods.replace("selector: {app: web}", &format!("selector: {selector}"));
    let (one, two) = (led_to("{only: one}"), led_to("{only: two}"));
    let lab = Lab::up_on(DUAL_STACK, &one);
    let addresses = Addresses::of(&lab);
    let mut clients = FAMILIES.map(|family| Asking::start(&lab, addresses.cluster[family]));
    let mut answered_by = |name: &str| {
        for client in &mut clients {
            let said = client.ask();
            assert!(said.starts_with(name), "not by {name}: {said}");
        }
    };
    answered_by("default/one on kind-worker ");
    lab.apply(&pods);
    answered_by("default/one on kind-worker ");
    lab.apply(&two);
    answered_by("default/two on kind-worker2 ");
    lab.apply(&one);
    answered_by("default/one on kind-worker ");
}

struct Asking {
    command: RunningCommand,
    input: UnixStream,
}

impl Asking {
    fn start(lab: &Lab, to: IpAddr) -> Self {
        let words = ["bash".to_owned(), "-c".to_owned(), ASK.to_owned()];
        let request = Request::Exec {
            pod: "default/near".parse().unwrap(),
            command: words.into_iter().chain([to.to_string()]).collect(),
            builtin: false,
        };
        let mut command = lab.client().start(&request).unwrap();
        let input = command.take_input().unwrap();
        assert_eq!(command.next_line().unwrap().as_deref(), Some("open\n"));
        Self { command, input }
    }

    fn ask(&mut self) -> String {
        self.input.write_all(b"go\n").unwrap();
        self.command.next_line().unwrap().unwrap_or_default()
    }
}
