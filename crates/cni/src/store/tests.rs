use std::net::IpAddr;
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::*;

fn endpoint(container: &str, state: EndpointState) -> Endpoint {
    Endpoint {
        id: EndpointId::new(container, "eth0"),
        pod: None,
        uid: None,
        host_interface: format!("vethrf-{container}"),
        netns: PathBuf::from("/run/netns/p"),
        network: "pods".to_owned(),
        addresses: vec![IpAddr::from([10, 0, 0, 2])],
        state,
    }
}

fn store() -> (tempfile::TempDir, EndpointStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = EndpointStore::open(folder.path()).unwrap();
    (folder, store)
}

fn put(store: &EndpointStore, endpoint: &Endpoint) {
    store.lock().unwrap().put(endpoint).unwrap();
}

#[test]
fn records_are_listed_in_order_and_read_as_written() {
    let (_folder, store) = store();
    for container in ["b", "a"] {
        put(&store, &endpoint(container, EndpointState::Wired));
    }
    let listing = store.list().unwrap();
    let expected = ["a", "b"].map(|container| endpoint(container, EndpointState::Wired));
    assert_eq!(listing.endpoints, expected);
    assert_eq!(
        store.get(&expected[0].id).unwrap().as_ref(),
        Some(&expected[0])
    );
    assert_eq!(store.get(&EndpointId::new("c", "eth0")).unwrap(), None);
}

#[test]
fn only_a_released_record_can_be_removed_from_outside() {
    let (_folder, store) = store();
    for (state, gone) in [
        (EndpointState::Reserved, false),
        (EndpointState::Wired, false),
        (EndpointState::Released, true),
    ] {
        let endpoint = endpoint("a", state);
        put(&store, &endpoint);
        assert_eq!(store.remove(&endpoint.id).unwrap(), gone, "{state:?}");
        assert_eq!(
            store.get(&endpoint.id).unwrap().is_none(),
            gone,
            "{state:?}"
        );
    }
    assert!(!store.remove(&EndpointId::new("a", "eth0")).unwrap());
}

#[test]
fn what_a_dead_writer_left_is_no_record_and_goes_with_it() {
    let (folder, store) = store();
    let endpoint = endpoint("a", EndpointState::Wired);
    let half = folder.path().join("endpoints/.a:eth0.json.new");
    fs::write(
        &half,
        "{\"id\": a text longer than the record that comes".repeat(50),
    )
    .unwrap();
    assert_eq!(store.list().unwrap(), Listing::default());
    put(&store, &endpoint);
    assert_eq!(store.list().unwrap().endpoints, slice::from_ref(&endpoint));
    fs::write(&half, "{").unwrap();
    store.lock().unwrap().forget(&endpoint.id).unwrap();
    assert_eq!(
        fs::read_dir(folder.path().join("endpoints"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn a_damaged_record_is_named_and_hides_no_other() {
    let (folder, store) = store();
    put(&store, &endpoint("a", EndpointState::Wired));
    let path = folder.path().join("endpoints/b:eth0.json");
    fs::write(&path, "{\"id\"").unwrap();
    let listing = store.list().unwrap();
    assert_eq!(listing.endpoints.len(), 1);
    assert_eq!(listing.damaged[0].path, path);
}

#[test]
fn the_folder_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, store) = store();
    put(&store, &endpoint("a", EndpointState::Wired));
    let mode = |path: &str| {
        fs::metadata(folder.path().join(path))
            .unwrap()
            .permissions()
            .mode()
    };
    assert_eq!(mode("endpoints") & 0o777, 0o700);
    assert_eq!(mode("endpoints/a:eth0.json") & 0o777, 0o600);
}

#[test]
fn a_turn_is_had_by_one_and_leaves_no_file() {
    let (folder, store) = store();
    let id = EndpointId::new("a", "eth0");
    let (inside, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let turn = store.turn(&id, Duration::from_secs(60)).unwrap().unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    taken.fetch_add(1, Ordering::SeqCst);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(turn);
                }
            });
        }
    });
    assert_eq!(taken.load(Ordering::SeqCst), 160);
    let held = store.turn(&id, Duration::ZERO).unwrap();
    assert!(held.is_some());
    assert!(
        store
            .turn(&id, Duration::from_millis(20))
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .turn(&EndpointId::new("b", "eth0"), Duration::ZERO)
            .unwrap()
            .is_some()
    );
    drop(held);
    assert_eq!(
        fs::read_dir(folder.path().join("locks")).unwrap().count(),
        0
    );
}

#[test]
fn the_last_given_address_is_remembered_for_each_block() {
    let (folder, store) = store();
    let (four, six) = ("10.0.0.0/24".parse().unwrap(), "fd00::/64".parse().unwrap());
    let changes = store.lock().unwrap();
    assert_eq!(changes.last_given().unwrap(), LastGiven::new());
    let given = LastGiven::from([
        (four, "10.0.0.9".parse().unwrap()),
        (six, "fd00::9".parse().unwrap()),
    ]);
    changes.put_last_given(&given).unwrap();
    assert_eq!(changes.last_given().unwrap(), given);
    fs::write(folder.path().join("last-given.json"), "{").unwrap();
    assert_eq!(changes.last_given().unwrap(), LastGiven::new());
}
