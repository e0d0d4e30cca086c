use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::{Error, Result, target};

/// What to get from Maven.
const POM: &str = include_str!("../../cassandra/pom.xml");
/// The program that runs tools.
const BATCH: &str = include_str!("../../cassandra/Batch.java");

/// The packages of the JDK's modules that Cassandra reaches into: exported ones, then opened ones.
const EXPORTS: &[&str] = &[
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/java.lang.ref",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.unsupported/sun.misc",
    "jdk.attach/sun.tools.attach",
];
const OPENS: &[&str] = &[
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.util",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "jdk.management/com.sun.management.internal",
];

/// Cassandra's libraries and what runs them.
#[derive(Clone, Debug)]
pub struct Installation {
    java: PathBuf,
    directory: PathBuf,
}

impl Installation {
    /// Finds the JDK, and gets the libraries from Maven unless they are there.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] without a JDK 17 or Maven, or where Maven cannot get the libraries.
    pub fn get() -> Result<&'static Self> {
        static ONCE: OnceLock<Result<Installation>> = OnceLock::new();
        ONCE.get_or_init(Self::make).as_ref().map_err(Clone::clone)
    }

    fn make() -> Result<Self> {
        let java = java_17()?;
        let directory = target::directory()?.join("cassandra");
        let _lock = target::lock("cassandra")?;
        let installation = Self { java, directory };
        installation.get_libraries()?;
        installation.compile_batch()?;
        Ok(installation)
    }

    /// The directory below the target directory where libraries, and nodes without a directory of their own, live.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A command that runs `java` with the options that all of Cassandra's programs need and Cassandra's libraries on
    /// the class path, after the directory with their configuration. Further options and the class are for the caller.
    pub fn java(&self, configuration: &Path) -> Command {
        let mut command = Command::new(&self.java);
        command.args(EXPORTS.iter().map(|package| format!("--add-exports={package}=ALL-UNNAMED")));
        command.args(OPENS.iter().map(|package| format!("--add-opens={package}=ALL-UNNAMED")));
        let classes = [configuration, &self.directory.join("classes"), &self.directory.join("lib/*")]
            .map(|path| path.display().to_string());
        command.arg("-cp").arg(classes.join(":"));
        command
    }

    fn get_libraries(&self) -> Result<()> {
        let done = self.directory.join("pom.done");
        if fs::read_to_string(&done).is_ok_and(|text| text == POM) {
            return Ok(());
        }
        let lib = self.directory.join("lib");
        let _ = fs::remove_dir_all(&lib);
        fs::create_dir_all(&lib).map_err(|error| Error::failed(lib.display(), error))?;
        let pom = self.directory.join("pom.xml");
        write(&pom, POM)?;
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B", "-f"]).arg(&pom).arg("dependency:copy-dependencies");
        maven.arg(format!("-DoutputDirectory={}", lib.display()));
        run(&mut maven).map_err(|error| Error::Missing(format!("Cassandra's libraries: {error}")))?;
        write(&done, POM)
    }

    fn compile_batch(&self) -> Result<()> {
        let done = self.directory.join("classes/Batch.done");
        if fs::read_to_string(&done).is_ok_and(|text| text == BATCH) {
            return Ok(());
        }
        let source = self.directory.join("Batch.java");
        write(&source, BATCH)?;
        let classes = self.directory.join("classes");
        let mut compiler = Command::new(self.java.with_file_name("javac"));
        compiler.arg("-Xlint:-removal").arg("-cp").arg(format!("{}/lib/*", self.directory.display()));
        compiler.arg("-d").arg(&classes).arg(&source);
        run(&mut compiler).map_err(|error| Error::Missing(format!("Cassandra's tools: {error}")))?;
        write(&done, BATCH)
    }
}

/// Writes a file that others may read meanwhile.
fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| Error::failed(path.display(), error))
}

fn run(command: &mut Command) -> std::result::Result<String, String> {
    let program = command.get_program().display().to_string();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{program}: {error}"))?;
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(text) } else { Err(format!("{program}: {}\n{text}", output.status)) }
}

/// The `java` of a JDK 17: that of `JAVA_HOME`, of the usual places, or of the path.
fn java_17() -> Result<PathBuf> {
    let home = std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let installed = fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten().map(|entry| entry.path());
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> =
        std::env::split_paths(&on_path).map(|directory| directory.join("java")).collect();
    let candidates = home.into_iter().chain(installed).map(|home| home.join("bin/java")).chain(on_path);
    let mut tried = std::collections::HashSet::new();
    for java in candidates.filter_map(|java| java.canonicalize().ok()) {
        let complete = java.with_file_name("javac").is_file();
        if complete && tried.insert(java.clone()) && is_17(&java) {
            return Ok(java);
        }
    }
    Err(Error::Missing("no JDK 17 found (JAVA_HOME, /usr/lib/jvm, PATH)".to_owned()))
}

fn is_17(java: &Path) -> bool {
    run(Command::new(java).arg("-version")).is_ok_and(|text| text.contains("version \"17."))
}
