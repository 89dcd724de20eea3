use ringfence_model::*;
fn main() {
    let name = std::env::args().nth(1).unwrap();
    let text = std::fs::read_to_string(&name).unwrap();
    let t = std::time::Instant::now();
    let loaded = load(&[Input { name, text }], &LoadOptions::default());
    eprintln!(
        "{:?} objects={} diags={}",
        t.elapsed(),
        loaded.objects.len(),
        loaded.diagnostics.len()
    );
    if std::env::args().nth(2).is_none() {
        let (_, more) = assemble(&loaded.objects);
        println!(
            "{}",
            loaded
                .sources
                .render(&loaded.diagnostics, RenderStyle::Plain)
        );
        println!("{}", loaded.sources.render(&more, RenderStyle::Plain));
    }
}
