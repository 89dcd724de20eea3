use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

/// A runtime with plugins that are shell scripts and write down how they were called.
struct Scripted {
    folder: tempfile::TempDir,
    runtime: Runtime,
}

/// Notes its call in the file `log` beside it, then goes on with `body`.
fn script(path: &Path, body: &str) {
    let name = path.file_name().unwrap().to_string_lossy();
    let log = path.with_file_name("log");
    let text = format!(
        "#!/bin/sh\ninput=$(cat)\necho \"$CNI_COMMAND {name} $CNI_CONTAINERID $CNI_IFNAME [$CNI_ARGS] $input\" >> {}\n{body}\n",
        log.display()
    );
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

const RESULT: &str = r#"[ "$CNI_COMMAND" != ADD ] || echo '{"cniVersion":"1.1.0","ips":[{"address":"10.0.0.9/24"}],"seen":"'$0'"}'"#;

impl Scripted {
    fn new(plugins: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (bin, conf) = (folder.path().join("bin"), folder.path().join("conf"));
        for path in [&bin, &conf] {
            fs::create_dir(path).unwrap();
        }
        for (name, body) in plugins {
            script(&bin.join(name), body);
        }
        let listed: Vec<Value> = plugins
            .iter()
            .map(|(name, _)| json!({"type": name}))
            .collect();
        let list = json!({"cniVersion": "1.1.0", "name": "pods", "plugins": listed});
        fs::write(conf.join("10-pods.conflist"), list.to_string()).unwrap();
        let cache_dir = folder.path().join("cache");
        Self {
            runtime: Runtime {
                cni_path: vec![bin],
                conf_dir: conf,
                cache_dir,
            },
            folder,
        }
    }

    /// The calls since the last time, without the plugins' input.
    fn calls(&self) -> Vec<String> {
        let path = self.folder.path().join("bin/log");
        let log = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        log.lines()
            .map(|line| line.split(" c1").next().unwrap().to_owned())
            .collect()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("bin/log")).unwrap_or_default()
    }

    fn cached(&self) -> usize {
        fs::read_dir(self.folder.path().join("cache/results")).map_or(0, Iterator::count)
    }
}

fn attachment() -> Attachment {
    Attachment {
        container_id: "c1".to_owned(),
        netns: PathBuf::from("/run/netns/p"),
        ifname: "eth0".to_owned(),
        args: vec![
            ("IgnoreUnknown".to_owned(), "1".to_owned()),
            ("K8S_POD_NAME".to_owned(), "web".to_owned()),
        ],
        capabilities: Map::new(),
    }
}

#[test]
fn a_chain_goes_forth_and_back_with_the_result() {
    let scripted = Scripted::new(&[("one", RESULT), ("two", RESULT)]);
    let runtime = &scripted.runtime;
    let result = runtime.add(&attachment()).unwrap();
    assert_eq!(result.ips[0].address.to_string(), "10.0.0.9/24");
    let log = scripted.log();
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[0].starts_with("ADD one c1 eth0 [IgnoreUnknown=1;K8S_POD_NAME=web] {"));
    assert!(!lines[0].contains("prevResult") && lines[1].contains("prevResult"));
    assert_eq!(scripted.calls(), ["ADD one", "ADD two"]);
    assert_eq!(scripted.cached(), 1);
    runtime.check(&attachment()).unwrap();
    assert_eq!(scripted.calls(), ["CHECK one", "CHECK two"]);
    // The configuration may be gone by the time of DEL.
    fs::remove_dir_all(&runtime.conf_dir).unwrap();
    runtime.del(&attachment()).unwrap();
    assert!(
        scripted.log().lines().all(|line| line.contains("bin/two")),
        "{}",
        scripted.log()
    );
    assert_eq!(scripted.calls(), ["DEL two", "DEL one"]);
    assert_eq!(scripted.cached(), 0);
    let error = runtime.del(&attachment()).unwrap_err();
    assert!(
        matches!(error, RuntimeError::NoNetwork { reason: None, .. }),
        "{error}"
    );
}

#[test]
fn a_failed_add_is_followed_by_del_of_all() {
    let fails = r#"[ "$CNI_COMMAND" != ADD ] || { echo '{"code":11,"msg":"no","details":"later"}'; exit 1; }"#;
    let scripted = Scripted::new(&[("one", RESULT), ("two", fails), ("three", RESULT)]);
    let error = scripted.runtime.add(&attachment()).unwrap_err();
    assert_eq!(error.code(), Some(11));
    assert_eq!(
        error.to_string(),
        "plugin type=\"two\" failed (ADD): no; later"
    );
    let expected = ["ADD one", "ADD two", "DEL three", "DEL two", "DEL one"];
    assert_eq!(scripted.calls(), expected);
    assert_eq!(scripted.cached(), 0);
}

#[test]
fn whatever_a_plugin_prints_becomes_a_message() {
    for (body, expected) in [
        ("echo words >&2; exit 3", "words"),
        ("echo nonsense; exit 3", "nonsense"),
        ("exit 3", "it ended with exit status: 3 and said nothing"),
        ("true", "the plugin's result is not JSON"),
    ] {
        let scripted = Scripted::new(&[("one", body)]);
        let error = scripted.runtime.add(&attachment()).unwrap_err();
        assert_eq!(error.code(), None);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_plugin_that_is_nowhere_is_named_with_the_path() {
    let scripted = Scripted::new(&[("one", RESULT)]);
    fs::remove_file(scripted.folder.path().join("bin/one")).unwrap();
    let error = scripted.runtime.add(&attachment()).unwrap_err().to_string();
    let path = scripted.runtime.cni_path[0].display();
    assert_eq!(
        error,
        format!("failed to find plugin \"one\" in path {path}")
    );
}

#[test]
fn gc_deletes_what_is_cached_and_not_valid() {
    let scripted = Scripted::new(&[("one", RESULT)]);
    let runtime = &scripted.runtime;
    for container_id in ["c1", "c12"] {
        runtime
            .add(&Attachment {
                container_id: container_id.to_owned(),
                ..attachment()
            })
            .unwrap();
    }
    scripted.calls();
    runtime.gc(&[EndpointId::new("c12", "eth0")]).unwrap();
    let log = scripted.log();
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[0].starts_with("DEL one c1 "), "{log}");
    assert!(lines[1].starts_with("GC one "), "{log}");
    let listed = r#""cni.dev/valid-attachments":[{"containerID":"c12","ifname":"eth0"}]"#;
    assert!(lines[1].contains(listed), "{log}");
    assert_eq!((lines.len(), scripted.cached()), (2, 1));
    runtime.status().unwrap();
}
