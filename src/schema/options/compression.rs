//! `compression` (Cassandra: `CompressionParams` and the compressors' own checks).

use super::number::parse_double;
use super::{OptionMap, is_true, keys};
use crate::error::{Error, Result};
use crate::schema::CompressionParams;
use crate::types::java_double;

const PACKAGE: &str = "org.apache.cassandra.io.compress.";

impl CompressionParams {
    /// No compression; the chunk length then says how often checksums come.
    pub fn none() -> Self {
        Self { class: None, ..Self::default() }
    }

    /// Reads the sub-options of `compression`, and checks them.
    pub fn from_map(map: &OptionMap) -> Result<CompressionParams> {
        let mut options = map.clone();
        let enabled = options.remove("enabled").is_none_or(|value| is_true(&value));
        if !map.is_empty() && enabled && !map.contains_key("class") {
            return Err(Error::config("Missing sub-option 'class' for the 'compression' option."));
        }
        if !enabled && !options.is_empty() {
            return Err(Error::config(
                "If the 'enabled' option is set to false no other options must be specified",
            ));
        }
        let class = match options.remove("class") {
            Some(class) if class.is_empty() => {
                return Err(Error::config(
                    "The 'class' option must not be empty. To disable compression use 'enabled' : false",
                ));
            }
            class => class,
        };
        let chunk_length = chunk_length(options.remove("chunk_length_in_kb"))?;
        let min_compress_ratio = match options.remove("min_compress_ratio") {
            None => 0.0,
            Some(ratio) => parse_double(&ratio).ok_or_else(|| {
                Error::server(format!("java.lang.NumberFormatException: For input string: \"{ratio}\""))
            })?,
        };
        let class = class.map(|class| compressor(&class, &options)).transpose()?;
        if class.is_none() && !options.is_empty() {
            return Err(Error::config(format!(
                "Unknown compression options ({}) since no compression class found",
                keys(&options)
            )));
        }
        let chunk_length_bytes = check(chunk_length, min_compress_ratio)?;
        Ok(CompressionParams { class, chunk_length_bytes, min_compress_ratio, options })
    }

    /// Whether chunks are compressed.
    pub fn is_enabled(&self) -> bool {
        self.class.is_some()
    }

    /// The sub-options as `system_schema` holds them.
    pub fn as_map(&self) -> OptionMap {
        let Some(class) = &self.class else {
            return OptionMap::from([("enabled".to_owned(), "false".to_owned())]);
        };
        let mut map = self.options.clone();
        map.insert("class".to_owned(), class.clone());
        map.insert("chunk_length_in_kb".to_owned(), (self.chunk_length_bytes / 1024).to_string());
        if self.min_compress_ratio != 0.0 {
            map.insert("min_compress_ratio".to_owned(), java_double(self.min_compress_ratio));
        }
        map
    }
}

/// The chunk length in bytes.
fn chunk_length(kib: Option<String>) -> Result<i32> {
    let Some(text) = kib else { return Ok(16 * 1024) };
    let kib: i32 = text.parse().map_err(|_| Error::config("Invalid value for chunk_length_in_kb"))?;
    if kib > i32::MAX / 1024 {
        return Err(Error::config(format!("Value of chunk_length_in_kb is too large ({kib})")));
    }
    Ok(kib.wrapping_mul(1024))
}

fn check(chunk_length: i32, min_compress_ratio: f64) -> Result<u32> {
    let length = u32::try_from(chunk_length).ok().filter(|length| *length > 0);
    let Some(length) = length else {
        return Err(Error::config("Invalid negative or null chunk_length_in_kb"));
    };
    if !length.is_power_of_two() {
        return Err(Error::config("chunk_length_in_kb must be a power of 2"));
    }
    let max_compressed = (f64::from(length) / min_compress_ratio).min(f64::from(i32::MAX)).ceil();
    if max_compressed < 0.0 {
        return Err(Error::config("Invalid negative min_compress_ratio"));
    }
    if max_compressed > f64::from(length) && max_compressed < f64::from(i32::MAX) {
        return Err(Error::config("min_compress_ratio can either be 0 or greater than or equal to 1"));
    }
    Ok(length)
}

/// The full name of the class, after its own checks of its options.
fn compressor(class: &str, options: &OptionMap) -> Result<String> {
    let name = if class.contains('.') { class.to_owned() } else { format!("{PACKAGE}{class}") };
    let supported: &[&str] = match name.strip_prefix(PACKAGE) {
        Some("LZ4Compressor") => {
            check_lz4(options)?;
            &["lz4_compressor_type", "lz4_high_compressor_level"]
        }
        Some("ZstdCompressor") => {
            check_zstd(options)?;
            &["compression_level"]
        }
        Some("SnappyCompressor" | "DeflateCompressor" | "NoopCompressor") => &[],
        _ => return Err(Error::config(format!("Could not create Compression for type {name}"))),
    };
    match options.keys().find(|option| !supported.contains(&option.as_str())) {
        Some(option) => Err(Error::config(format!("Unknown compression options {option}"))),
        None => Ok(name),
    }
}

fn check_lz4(options: &OptionMap) -> Result<()> {
    if let Some(kind) = options.get("lz4_compressor_type")
        && !["fast", "high"].contains(&kind.as_str())
    {
        return Err(Error::config(format!(
            "Invalid compressor type '{kind}' specified for LZ4 parameter 'lz4_compressor_type'. Valid options are \
             [high, fast]."
        )));
    }
    if let Some(level) = options.get("lz4_high_compressor_level")
        && !level.parse::<i32>().is_ok_and(|level| (1..=17).contains(&level))
    {
        return Err(Error::config(format!(
            "Invalid value [{level}] for parameter 'lz4_high_compressor_level'. Value must be between 1 and 17."
        )));
    }
    Ok(())
}

fn check_zstd(options: &OptionMap) -> Result<()> {
    let Some(text) = options.get("compression_level") else { return Ok(()) };
    let failed = |error: String| Error::config(format!("ZstdCompressor.create() threw an error: {error}"));
    let Ok(level) = text.parse::<i32>() else {
        let cause = format!("java.lang.NumberFormatException For input string: \"{text}\"");
        return Err(failed(cause));
    };
    if !(-131_072..=22).contains(&level) {
        return Err(failed(format!(
            "java.lang.IllegalArgumentException compression_level={level} is invalid"
        )));
    }
    Ok(())
}
