use super::*;
use graph::Reach;

#[test]
fn the_workspace_keeps_its_layers() {
    let result = check(&crate::workspace_root());
    assert!(result.is_ok(), "{:#}", result.unwrap_err());
}

fn edge(from: &str, to: &str, kind: Kind) -> Edge {
    Edge {
        from: from.into(),
        to: to.into(),
        own: table::layer(to).is_some(),
        kind,
        manifest: format!("crates/{from}/Cargo.toml"),
        line: 12,
        text: format!("{to}.workspace = true"),
    }
}

fn graph(edges: Vec<Edge>) -> Graph {
    let crates = table::LAYERS
        .iter()
        .map(|layer| layer.name.to_owned())
        .collect();
    Graph {
        crates,
        edges,
        reached: Vec::new(),
    }
}

fn verdict(from: &str, to: &str, kind: Kind) -> Vec<String> {
    violations(&graph(vec![edge(from, to, kind)]))
}

#[test]
fn an_edge_in_the_table_passes() {
    assert!(verdict("compile", "ruleset", Kind::Normal).is_empty());
    assert!(verdict("cli", "lab", Kind::Normal).is_empty());
}

#[test]
fn an_edge_upwards_is_refused_with_its_line_and_the_reason() {
    let found = verdict("ruleset", "model", Kind::Normal);
    let [message] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert!(
        message.starts_with("crates/ruleset/Cargo.toml:12: `model.workspace"),
        "{message}"
    );
    assert!(
        message.contains("it judges packets by nftables objects alone"),
        "{message}"
    );
}

#[test]
fn the_second_opinion_stays_apart() {
    assert_eq!(verdict("reference", "compile", Kind::Normal).len(), 1);
    assert_eq!(verdict("compile", "reference", Kind::Normal).len(), 1);
    assert!(verdict("compile", "reference", Kind::Development).is_empty());
}

#[test]
fn helpers_of_tests_stay_in_tests() {
    let found = verdict("lab", "testkit", Kind::Normal);
    assert!(
        found
            .iter()
            .any(|message| message.contains("[dev-dependencies]")),
        "{found:?}"
    );
    assert!(verdict("model", "testkit", Kind::Development).is_empty());
    assert!(verdict("conformance", "testkit", Kind::Normal).is_empty());
    assert_eq!(verdict("testkit", "conformance", Kind::Normal).len(), 1);
}

#[test]
fn tests_of_a_pure_crate_use_nothing_that_does_io() {
    assert_eq!(verdict("compile", "netlink", Kind::Development).len(), 1);
}

#[test]
fn a_pure_crate_uses_only_libraries_that_compute() {
    assert_eq!(verdict("model", "tokio", Kind::Normal).len(), 1);
    assert_eq!(verdict("net", "rand", Kind::Normal).len(), 1);
    assert!(verdict("model", "granit-parser", Kind::Normal).is_empty());
    assert!(verdict("model", "proptest", Kind::Development).is_empty());
    assert!(verdict("agent", "tokio", Kind::Normal).is_empty());
}

#[test]
fn an_impure_library_is_found_behind_a_pure_one() {
    let mut graph = graph(Vec::new());
    graph.reached.push(Reach {
        from: "model".into(),
        to: "tokio".into(),
        path: vec!["ringfence-model".into(), "parser".into(), "tokio".into()],
    });
    let found = violations(&graph);
    let [message] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert!(
        message.contains("ringfence-model -> parser -> tokio"),
        "{message}"
    );
}

#[test]
fn a_crate_without_a_place_is_refused() {
    let mut graph = graph(Vec::new());
    graph.crates.insert("newcomer".into());
    let found = violations(&graph);
    assert!(
        found
            .iter()
            .any(|message| message.starts_with("crates/newcomer:")),
        "{found:?}"
    );
}

#[test]
fn the_table_points_downwards_only() {
    let names: Vec<&str> = table::LAYERS.iter().map(|layer| layer.name).collect();
    for (position, layer) in table::LAYERS.iter().enumerate() {
        for used in layer.uses {
            assert!(
                names[..position].contains(used),
                "{} uses {used}",
                layer.name
            );
        }
    }
}

#[test]
fn a_declaration_is_found_in_the_section_of_its_kind() {
    let manifest = "[package]\nname = \"x\"\n\n[dependencies]\nserde_json = \"1\"\nserde = \"1\"\n\n\
                    [dev-dependencies]\nserde.workspace = true\n";
    assert_eq!(
        graph::declaration(manifest, "serde", Kind::Normal),
        (6, "serde = \"1\"")
    );
    let development = graph::declaration(manifest, "serde", Kind::Development);
    assert_eq!(development, (9, "serde.workspace = true"));
    assert_eq!(
        graph::declaration(manifest, "absent", Kind::Normal),
        (1, "absent")
    );
}
