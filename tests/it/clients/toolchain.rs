//! Client programs, made of what the ordinary package managers download, below the target directory.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the virtual environment of Python holds. A change of this list makes a new one.
const PYTHON_PACKAGES: &[&str] =
    &["cassandra-driver==3.30.1", "cqlsh==6.2.2", "lz4==4.4.5", "python-snappy==0.7.3"];

/// The same for the object mapper of Django, which brings a driver of its own.
const DJANGO_PACKAGES: &[&str] = &["django-cassandra-engine==1.11.0"];

/// How a client program is started: before its own arguments.
pub(super) struct Program {
    pub path: PathBuf,
    pub arguments: Vec<OsString>,
    pub environment: Vec<(&'static str, OsString)>,
}

impl Program {
    fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), arguments: Vec::new(), environment: Vec::new() }
    }
}

/// A directory below `target`, locked while it is made; what is in it counts once `done` says what it was made of.
struct Place {
    directory: PathBuf,
    done: PathBuf,
    _lock: File,
}

impl Place {
    fn open(name: &str) -> Result<Self, String> {
        let executable = std::env::current_exe().map_err(|error| error.to_string())?;
        let target = executable
            .ancestors()
            .find(|path| path.join("CACHEDIR.TAG").exists() || path.ends_with("target"))
            .ok_or("the test does not run below a target directory")?;
        let directory = target.join(name);
        let lock = File::create(target.join(format!("{name}.lock"))).map_err(|error| error.to_string())?;
        lock.lock().map_err(|error| error.to_string())?;
        Ok(Self { done: directory.join("packages"), directory, _lock: lock })
    }

    fn is_made_of(&self, sources: &str) -> bool {
        fs::read_to_string(&self.done).is_ok_and(|text| text == sources)
    }

    /// A call of the package manager failed: nothing is left that looks complete.
    fn make(&self, sources: &str, steps: impl FnOnce(&Path) -> Result<(), String>) -> Result<(), String> {
        if self.is_made_of(sources) {
            return Ok(());
        }
        let _ = fs::remove_file(&self.done);
        fs::create_dir_all(&self.directory).map_err(|error| error.to_string())?;
        steps(&self.directory)?;
        fs::write(&self.done, sources).map_err(|error| error.to_string())
    }
}

fn suite(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The texts of these files one after the other: what a program is made of.
fn texts(directory: &Path, files: &[&str]) -> Result<String, String> {
    let text = |file: &&str| {
        let path = directory.join(file);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    files.iter().map(text).collect()
}

fn finish(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let [text, errors] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Err(format!("{command:?}: {}\n{text}{errors}", output.status))
}

/// A script of `tests/clients`, with the interpreter of a virtual environment.
pub(super) fn python(script: &str) -> Result<Program, String> {
    python_with("python-clients", PYTHON_PACKAGES, script)
}

/// The same, with Django.
pub(super) fn django(script: &str) -> Result<Program, String> {
    python_with("django-client", DJANGO_PACKAGES, script)
}

fn python_with(place: &str, packages: &[&str], script: &str) -> Result<Program, String> {
    let place = Place::open(place)?;
    let interpreter = place.directory.join("bin/python");
    place.make(&packages.join("\n"), |directory| {
        let _ = fs::remove_dir_all(directory);
        finish(Command::new("python3").args(["-m", "venv"]).arg(directory))?;
        let install = |binary: &[&str]| {
            let mut command = Command::new(&interpreter);
            command.args(["-m", "pip", "install", "--quiet"]).args(binary);
            finish(command.args(packages))
        };
        install(&["--only-binary=:all:"]).or_else(|_| install(&[]))
    })?;
    let mut program = Program::new(interpreter);
    program.arguments.push(suite("tests/clients").join(script).into());
    program.environment.push(("PYTHONDONTWRITEBYTECODE", "1".into()));
    Ok(program)
}

/// The Java driver's test, compiled by Maven.
pub(super) fn java() -> Result<Program, String> {
    let place = Place::open("java-client")?;
    let source = suite("compat-suite/drivers/java");
    place.make(&texts(&source, &["pom.xml", "src/DriverTest.java"])?, |directory| {
        let mut output = OsString::from("-Doutput=");
        output.push(directory);
        finish(
            Command::new("mvn")
                .args(["-q", "-B", "-f"])
                .arg(source.join("pom.xml"))
                .arg(output)
                .args(["compile", "dependency:copy-dependencies"]),
        )
    })?;
    let mut program = Program::new("java");
    let mut classes = place.directory.join("classes").into_os_string();
    classes.push(":");
    classes.push(place.directory.join("libraries/*"));
    // The first compiler only: the program is over before the second one pays.
    program.arguments = ["-XX:TieredStopAtLevel=1".into(), "-cp".into(), classes, "DriverTest".into()].into();
    Ok(program)
}

/// The Go driver's test, compiled by Go.
pub(super) fn go() -> Result<Program, String> {
    let place = Place::open("go-client")?;
    let source = suite("compat-suite/drivers/go");
    let binary = place.directory.join("driver-test");
    place.make(&texts(&source, &["go.mod", "go.sum", "main.go"])?, |directory| {
        finish(
            Command::new("go")
                .current_dir(&source)
                .env("GOMODCACHE", directory.join("modules"))
                .env("GOCACHE", directory.join("cache"))
                .env("GOFLAGS", "-modcacherw -mod=readonly -buildvcs=false")
                .args(["build", "-o"])
                .arg(&binary)
                .arg("."),
        )
    })?;
    Ok(Program::new(binary))
}

/// The Node driver's test, its packages installed by npm.
pub(super) fn node() -> Result<Program, String> {
    let place = Place::open("node-client")?;
    let source = suite("compat-suite/drivers/node");
    let files = ["package.json", "package-lock.json"];
    place.make(&texts(&source, &files)?, |directory| {
        for file in files {
            fs::copy(source.join(file), directory.join(file)).map_err(|error| error.to_string())?;
        }
        finish(Command::new("npm").current_dir(directory).args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
        ]))
    })?;
    let mut program = Program::new("node");
    program.arguments.push(source.join("driver-test.js").into());
    program.environment.push(("NODE_PATH", place.directory.join("node_modules").into()));
    Ok(program)
}
