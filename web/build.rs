//! Embeds the built dashboard (`ui/dist`, made by `npm --prefix web/ui run build`) as a table of
//! files. Without it the crate builds all the same and says so; `REQUIRE_UI=1` makes that an error.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let manifest_dir = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let dist = manifest_dir.join("ui/dist");
    // Cargo takes a watched path that does not exist for changed, each time: keep an empty folder.
    // Where the sources are read-only the only loss is that comfort.
    let _ = fs::create_dir_all(&dist);
    println!("cargo:rerun-if-changed=ui/dist");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=REQUIRE_UI");

    let mut files = Vec::new();
    if dist.is_dir() {
        collect(&dist, &dist, &mut files)?;
    }
    files.sort();
    if !files.iter().any(|file| file == "index.html") {
        if env::var("REQUIRE_UI").is_ok_and(|value| value == "1") {
            return Err(io::Error::other(
                "the dashboard is not built: run `npm --prefix web/ui ci && npm --prefix web/ui run build`",
            ));
        }
        println!(
            "cargo:warning=the dashboard is not embedded: run `npm --prefix web/ui ci && npm --prefix web/ui run build`"
        );
        files.clear();
    }
    fs::write(out_dir.join("embedded.rs"), table(&dist, &files)?)
}

/// Paths below `dist`, with `/`; the pre-compressed copies are found beside their originals.
fn collect(dist: &Path, folder: &Path, files: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(dist, &path, files)?;
            continue;
        }
        let is_compressed = path.extension().is_some_and(|extension| extension == "br" || extension == "gz");
        if let (false, Ok(relative)) = (is_compressed, path.strip_prefix(dist)) {
            files.push(relative.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(())
}

fn table(dist: &Path, files: &[String]) -> io::Result<String> {
    let mut text = String::from("static FILES: &[Embedded] = &[\n");
    for file in files {
        let path = dist.join(file);
        let etag = fnv1a(&fs::read(&path)?);
        let copy = |extension: &str| match dist.join(format!("{file}.{extension}")) {
            copy if copy.is_file() => format!("Some(include_bytes!({copy:?}))"),
            _ => "None".to_owned(),
        };
        let (br, gz) = (copy("br"), copy("gz"));
        let _ = writeln!(
            text,
            "    Embedded {{ path: {file:?}, etag: \"\\\"{etag:016x}\\\"\", raw: include_bytes!({path:?}), br: {br}, gz: {gz} }},"
        );
    }
    text.push_str("];\n");
    Ok(text)
}

/// Tells versions of a file apart; not a safeguard against anybody.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
