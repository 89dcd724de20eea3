//! Kinds that the user defines.

use super::bench::Bench;
use super::script::has;

const DEFINITION: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: foos.example.com
spec:
  group: example.com
  scope: Namespaced
  names: {plural: foos, kind: Foo, shortNames: [fo]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size}
    schema:
      openAPIV3Schema:
        type: object
        description: Foo is an example.
        properties:
          spec:
            type: object
            properties:
              size: {type: integer, minimum: 1, description: How many there are.}
          status:
            type: object
            properties:
              size: {type: integer}
"#;

const OBJECT: &str =
    "apiVersion: example.com/v1\nkind: Foo\nmetadata: {name: a}\nspec: {size: 2}\n";

pub(crate) fn run(bench: &Bench) {
    let definition = bench.file("foos.yaml", DEFINITION);
    has(&bench.ok(&format!("apply -f {definition}")), &["created"]);
    let wait = "wait --for=condition=Established crd/foos.example.com --timeout=20s";
    has(&bench.ok(wait), &["condition met"]);
    has(&bench.ok(&format!("apply -f {definition}")), &["unchanged"]);
    let object = bench.file("foo.yaml", OBJECT);
    has(&bench.ok(&format!("apply -f {object}")), &["created"]);
    has(&bench.ok("get foo"), &["NAME", "SIZE", "a", "2"]);
    has(&bench.ok("get fo a -o yaml"), &["kind: Foo", "size: 2"]);
    let larger = bench.file("larger.yaml", &OBJECT.replace("size: 2", "size: 3"));
    has(&bench.ok(&format!("apply -f {larger}")), &["configured"]);
    has(&bench.ok("scale foo a --replicas=4"), &["scaled"]);
    has(&bench.ok("get foo a -o jsonpath={.spec.size}"), &["4"]);
    has(&bench.ok("explain foo.spec.size"), &["How many there are."]);
    let wrong = bench.file("wrong.yaml", &OBJECT.replace("size: 2", "size: 0"));
    has(
        &bench.fails(&format!("apply -f {wrong}")),
        &["is invalid", "spec.size", "greater than or equal to 1"],
    );
    let typo = bench.file("typo-foo.yaml", &OBJECT.replace("size", "sise"));
    has(&bench.fails(&format!("apply -f {typo}")), &["spec.sise"]);
    has(&bench.ok("delete crd foos.example.com"), &["deleted"]);
    has(
        &bench.fails("get foo"),
        &["could not find the requested resource"],
    );
}
