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
    fs::write(out_dir.join("embedded.rs"), table(&dist, &out_dir.join("ui"), &files)?)
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

/// The table, and the files that it includes below `embedded`: a build directory that several checkouts
/// share must not point into one of them.
fn table(dist: &Path, embedded: &Path, files: &[String]) -> io::Result<String> {
    if embedded.is_dir() {
        fs::remove_dir_all(embedded)?;
    }
    let embed = |file: &str| -> io::Result<String> {
        let path = embedded.join(file);
        fs::create_dir_all(path.parent().unwrap_or(embedded))?;
        fs::copy(dist.join(file), &path)?;
        Ok(format!("include_bytes!({path:?})"))
    };
    let embed_copy = |file: &str, extension: &str| -> io::Result<String> {
        let copy = format!("{file}.{extension}");
        if dist.join(&copy).is_file() {
            Ok(format!("Some({})", embed(&copy)?))
        } else {
            Ok("None".to_owned())
        }
    };
    let mut text = String::from("static FILES: &[Embedded] = &[\n");
    for file in files {
        let etag = fnv1a(&fs::read(dist.join(file))?);
        let (raw, br, gz) = (embed(file)?, embed_copy(file, "br")?, embed_copy(file, "gz")?);
        let _ = writeln!(
            text,
            "    Embedded {{ path: {file:?}, etag: \"\\\"{etag:016x}\\\"\", raw: {raw}, br: {br}, gz: {gz} }},"
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
