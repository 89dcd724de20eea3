//! Images are found by their names, and their files are those of their layers, wherever these try to lead.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ringfence_image::{ImageError, ImageFolder, Ownership, unpack};
use ringfence_testkit::oci::{Image, Layer, Packed, write_layout};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::json;
use tar::EntryType;
use tempfile::TempDir;

fn image(layers: Vec<Packed>) -> Image {
    Image {
        name: None,
        config: json!({}),
        layers,
    }
}

/// Unpacks an image of these layers; the folder has the files in `root`.
fn unpacked(layers: Vec<Packed>) -> (TempDir, Result<(), ImageError>) {
    let folder = TempDir::new().unwrap();
    write_layout(&folder.path().join("images/it"), &image(layers)).unwrap();
    let images = ImageFolder::read(&folder.path().join("images")).unwrap();
    let image = images.find("it").unwrap();
    let result = unpack(image, &folder.path().join("root"), Ownership::Own);
    (folder, result)
}

/// Every file below `folder`, sorted, with its content or the target of a link.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_symlink() {
                found.push(format!(
                    "{name} -> {}",
                    fs::read_link(&path).unwrap().display()
                ));
            } else {
                found.push(format!("{name}: {}", fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn an_image_is_found_by_every_name_it_has() {
    let folder = TempDir::new().unwrap();
    let config = json!({
        "Entrypoint": ["/run.sh"], "Cmd": ["-v"], "Env": ["PATH=/bin", "A=1=2", "A=3"], "User": "www:www",
        "WorkingDir": "/srv",
    });
    let tagged = Image {
        name: Some("1.29".to_owned()),
        config,
        layers: Vec::new(),
    };
    write_layout(&folder.path().join("nginx"), &tagged).unwrap();
    write_layout(&folder.path().join("quay.io/team/part"), &image(Vec::new())).unwrap();
    let images = ImageFolder::read(folder.path()).unwrap();
    let names: Vec<&str> = images.names().collect();
    assert_eq!(
        names,
        ["docker.io/library/nginx:1.29", "quay.io/team/part:latest"]
    );
    let nginx = images.find("nginx:1.29").unwrap();
    assert_eq!(images.find("docker.io/nginx:1.29"), Some(nginx));
    assert_eq!(images.find(&format!("nginx@{}", nginx.digest)), Some(nginx));
    for other in [
        "nginx",
        "nginx:1.28",
        "quay.io/nginx:1.29",
        "",
        "-",
        "NGINX",
    ] {
        assert_eq!(images.find(other), None, "{other}");
    }
    assert_eq!(
        (&*nginx.entrypoint, &*nginx.command),
        (&["/run.sh".to_owned()][..], &["-v".to_owned()][..])
    );
    assert_eq!((&*nginx.user, &*nginx.folder), ("www:www", "/srv"));
    assert_eq!(nginx.environment["A"], "3");
}

#[test]
fn upper_layers_replace_and_hide_what_is_below() {
    let lower = Layer::default()
        .folder("etc")
        .file("etc/kept", 0o644, b"lower")
        .file("etc/changed", 0o644, b"lower")
        .file("etc/hidden", 0o644, b"lower")
        .file("var/all/a", 0o644, b"lower")
        .file("var/all/sub/b", 0o644, b"lower")
        .link("bin", "usr/bin")
        .file("thing/inside", 0o644, b"lower");
    let upper = Layer::default()
        .file("etc/changed", 0o600, b"upper")
        .file("etc/.wh.hidden", 0o644, b"")
        .file("var/all/sub/c", 0o644, b"upper")
        .file("var/all/.wh..wh..opq", 0o644, b"")
        .file("thing", 0o755, b"a file now")
        .hard_link("also-changed", "etc/changed");
    let zstd = Packed {
        kind: "tar+zstd",
        blob: compress_to_vec(
            &Layer::default()
                .folder("bin")
                .file("bin/sh", 0o755, b"top")
                .tar()[..],
            CompressionLevel::Fastest,
        ),
    };
    let (folder, result) = unpacked(vec![Packed::gzip(lower), Packed::plain(upper), zstd]);
    result.unwrap();
    let root = folder.path().join("root");
    assert_eq!(
        files(&root),
        [
            "also-changed: upper",
            "bin/sh: top",
            "etc/changed: upper",
            "etc/kept: lower",
            "thing: a file now",
            "var/all/sub/c: upper",
        ]
    );
    let mode = fs::metadata(root.join("bin/sh"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn no_layer_leads_out_of_its_image() {
    let outside = TempDir::new().unwrap();
    let victim = outside.path().join("victim");
    let to = outside.path().to_str().unwrap();
    let layers = [
        Layer::default().file("../victim", 0o644, b"changed"),
        Layer::default().file("a/../../../victim", 0o644, b"changed"),
        Layer::default()
            .link("l", to)
            .file("l/victim", 0o644, b"changed"),
        Layer::default()
            .link("l", to)
            .file("l/.wh.victim", 0o644, b""),
        Layer::default()
            .link("l", to)
            .file("l/.wh..wh..opq", 0o644, b""),
        Layer::default().link("l", to).folder("l/victim"),
        Layer::default()
            .link("l", &format!("{to}/victim"))
            .hard_link("h", "l")
            .file("h", 0o644, b"changed"),
        Layer::default().hard_link("h", &format!("../../../../../../../../{to}/victim")),
        Layer::default().file(".wh..", 0o644, b""),
        Layer::default().file("a/.wh...", 0o644, b""),
    ];
    for (index, layer) in layers.into_iter().enumerate() {
        fs::write(&victim, "as it was").unwrap();
        let (folder, result) = unpacked(vec![Packed::plain(layer)]);
        let left = fs::read_to_string(&victim).unwrap_or_default();
        assert_eq!(left, "as it was", "layer {index}: {result:?}");
        assert!(folder.path().join("images").exists(), "layer {index}");
    }
}

#[test]
fn devices_are_left_out() {
    let layer = Layer::default()
        .entry(EntryType::Char, "dev/null", 0o666, "", b"")
        .entry(EntryType::Fifo, "pipe", 0o666, "", b"")
        .file("file", 0o644, b"here");
    let (folder, result) = unpacked(vec![Packed::gzip(layer)]);
    result.unwrap();
    assert_eq!(files(&folder.path().join("root")), ["file: here"]);
}

#[test]
fn a_damaged_layer_leaves_nothing() {
    let layer = || Packed::gzip(Layer::default().file("file", 0o644, b"here"));
    let whole = layer().blob;
    for damage in [
        &whole[..whole.len() / 2],
        &[&whole[..], b"more"].concat(),
        b"no archive",
    ] {
        let folder = TempDir::new().unwrap();
        let layout = folder.path().join("it");
        write_layout(&layout, &image(vec![layer()])).unwrap();
        let blobs = fs::read_dir(layout.join("blobs/sha256")).unwrap();
        let blob = blobs
            .map(|entry| entry.unwrap().path())
            .find(|path| fs::read(path).unwrap() == whole)
            .unwrap();
        fs::write(&blob, damage).unwrap();
        let images = ImageFolder::read(folder.path()).unwrap();
        let root = folder.path().join("root");
        unpack(images.find("it").unwrap(), &root, Ownership::Own).unwrap_err();
        assert!(!root.exists() && !folder.path().join("root.partial").exists());
    }
}

#[test]
fn folders_that_cannot_be_used_say_why() {
    let folder = TempDir::new().unwrap();
    let said = |folder: &Path| {
        let error = ImageFolder::read(folder).unwrap_err();
        error.to_string().replace(folder.to_str().unwrap(), "DIR")
    };
    assert!(said(folder.path()).starts_with("DIR has no OCI image layout"));
    let it = folder.path().join("it");
    write_layout(&it, &image(Vec::new())).unwrap();
    write_layout(
        &folder.path().join("other"),
        &Image {
            name: Some("it:latest".to_owned()),
            ..image(Vec::new())
        },
    )
    .unwrap();
    assert_eq!(
        said(folder.path()),
        "the image docker.io/library/it:latest is both in DIR/it and in DIR/other"
    );
    for (index, reason) in [
        ("{", "EOF while parsing"),
        (
            r#"{"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:../../../../etc/passwd", "size": 3}]}"#,
            "invalid encoded value",
        ),
        (
            r#"{"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "size": 99999999}]}"#,
            "too many for a document",
        ),
    ] {
        fs::write(it.join("index.json"), index).unwrap();
        let said = said(&it);
        assert!(
            said.to_lowercase().contains(&reason.to_lowercase()),
            "{said}"
        );
    }
}
