//! The one map from errors to what goes on the wire (section 9 of the specification), as `messages.ErrorMessage`.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use bytes::{BufMut, BytesMut};

use super::encode::{put_short_bytes, put_string, put_string_list};
use crate::consistency::{Consistency, RequestFailureReason, WriteType};
use crate::cql::ProtocolVersion;
use crate::error::Error;

const SERVER_ERROR: i32 = 0x0000;
const PROTOCOL_ERROR: i32 = 0x000A;
const BAD_CREDENTIALS: i32 = 0x0100;
const UNAVAILABLE: i32 = 0x1000;
const OVERLOADED: i32 = 0x1001;
const IS_BOOTSTRAPPING: i32 = 0x1002;
const TRUNCATE_ERROR: i32 = 0x1003;
const WRITE_TIMEOUT: i32 = 0x1100;
const READ_TIMEOUT: i32 = 0x1200;
const READ_FAILURE: i32 = 0x1300;
const FUNCTION_FAILURE: i32 = 0x1400;
const WRITE_FAILURE: i32 = 0x1500;
const CDC_WRITE_FAILURE: i32 = 0x1600;
const CAS_WRITE_UNKNOWN: i32 = 0x1700;
const SYNTAX_ERROR: i32 = 0x2000;
const UNAUTHORIZED: i32 = 0x2100;
const INVALID: i32 = 0x2200;
const CONFIG_ERROR: i32 = 0x2300;
const ALREADY_EXISTS: i32 = 0x2400;
const UNPREPARED: i32 = 0x2500;

/// The code that a client of the newest version sees for this error.
pub fn code(error: &Error) -> i32 {
    match error {
        Error::Syntax(_) => SYNTAX_ERROR,
        Error::Invalid(_) | Error::Guardrail(_) => INVALID,
        Error::Unauthorized(_) => UNAUTHORIZED,
        Error::Config(_) => CONFIG_ERROR,
        Error::AlreadyExists { .. } => ALREADY_EXISTS,
        Error::Unprepared { .. } => UNPREPARED,
        Error::Unavailable { .. } => UNAVAILABLE,
        Error::ReadTimeout { .. } => READ_TIMEOUT,
        Error::WriteTimeout { .. } | Error::CasWriteTimeout { .. } => WRITE_TIMEOUT,
        Error::ReadFailure { .. } => READ_FAILURE,
        Error::WriteFailure { .. } => WRITE_FAILURE,
        Error::FunctionFailure { .. } => FUNCTION_FAILURE,
        Error::Overloaded(_) => OVERLOADED,
        Error::IsBootstrapping => IS_BOOTSTRAPPING,
        Error::Truncate(_) => TRUNCATE_ERROR,
        Error::Server(_) | Error::Corruption(_) | Error::WouldBlock => SERVER_ERROR,
        Error::Protocol(_) => PROTOCOL_ERROR,
        Error::BadCredentials(_) => BAD_CREDENTIALS,
        Error::CasWriteUnknown { .. } => CAS_WRITE_UNKNOWN,
        Error::CdcWriteFailure(_) => CDC_WRITE_FAILURE,
    }
}

/// What a client of an older version gets in place of an error that its version does not know.
fn for_version(error: &Error, version: ProtocolVersion) -> Cow<'_, Error> {
    if version < ProtocolVersion::V4 {
        match error {
            Error::ReadFailure { consistency, received, block_for, data_present, .. } => {
                return Cow::Owned(Error::ReadTimeout {
                    consistency: *consistency,
                    received: *received,
                    block_for: *block_for,
                    data_present: *data_present,
                });
            }
            Error::WriteFailure { consistency, received, block_for, write_type, .. } => {
                return Cow::Owned(Error::WriteTimeout {
                    consistency: *consistency,
                    received: *received,
                    block_for: *block_for,
                    write_type: *write_type,
                });
            }
            Error::FunctionFailure { message, .. } => {
                return Cow::Owned(Error::invalid(format!("ERROR FUNCTION_FAILURE: {message}")));
            }
            Error::CdcWriteFailure(message) => {
                return Cow::Owned(Error::invalid(format!("ERROR CDC_WRITE_FAILURE: {message}")));
            }
            _ => {}
        }
    }
    if version < ProtocolVersion::V5
        && let Error::CasWriteTimeout { consistency, received, block_for, .. }
        | Error::CasWriteUnknown { consistency, received, block_for } = error
    {
        return Cow::Owned(Error::WriteTimeout {
            consistency: *consistency,
            received: *received,
            block_for: *block_for,
            write_type: WriteType::Cas,
        });
    }
    Cow::Borrowed(error)
}

/// Writes the body of an ERROR.
pub fn encode(error: &Error, version: ProtocolVersion, out: &mut BytesMut) {
    let error = for_version(error, version);
    out.put_i32(code(&error));
    put_string(out, &error.to_string());
    match error.as_ref() {
        Error::Unavailable { consistency, required, alive, .. } => {
            put_counts(out, *consistency, *required, *alive);
        }
        Error::ReadTimeout { consistency, received, block_for, data_present } => {
            put_counts(out, *consistency, *received, *block_for);
            out.put_u8(u8::from(*data_present));
        }
        Error::WriteTimeout { consistency, received, block_for, write_type } => {
            put_counts(out, *consistency, *received, *block_for);
            put_string(out, write_type.name());
        }
        Error::CasWriteTimeout { consistency, received, block_for, contentions } => {
            put_counts(out, *consistency, *received, *block_for);
            put_string(out, WriteType::Cas.name());
            out.put_u16(*contentions);
        }
        Error::ReadFailure { consistency, received, block_for, data_present, failures, .. } => {
            put_counts(out, *consistency, *received, *block_for);
            put_failures(out, failures, version);
            out.put_u8(u8::from(*data_present));
        }
        Error::WriteFailure { consistency, received, block_for, write_type, failures } => {
            put_counts(out, *consistency, *received, *block_for);
            put_failures(out, failures, version);
            put_string(out, write_type.name());
        }
        Error::CasWriteUnknown { consistency, received, block_for } => {
            put_counts(out, *consistency, *received, *block_for);
        }
        Error::FunctionFailure { keyspace, name, argument_types, .. } => {
            put_string(out, keyspace);
            put_string(out, name);
            put_string_list(out, argument_types);
        }
        Error::Unprepared { id } => put_short_bytes(out, id),
        Error::AlreadyExists { keyspace, table } => {
            put_string(out, keyspace);
            put_string(out, table);
        }
        _ => {}
    }
}

fn put_counts(out: &mut BytesMut, consistency: Consistency, first: i32, second: i32) {
    out.put_u16(consistency.code());
    out.put_i32(first);
    out.put_i32(second);
}

/// From version 5 on the reasons follow their count, each with its node's address.
fn put_failures(
    out: &mut BytesMut,
    failures: &[(SocketAddr, RequestFailureReason)],
    version: ProtocolVersion,
) {
    out.put_i32(i32::try_from(failures.len()).unwrap_or(i32::MAX));
    if version >= ProtocolVersion::V5 {
        for (address, reason) in failures {
            put_address(out, address.ip());
            out.put_u16(reason.code());
        }
    }
}

/// `[inetaddr]`.
pub fn put_address(out: &mut BytesMut, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            out.put_u8(4);
            out.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            out.put_u8(16);
            out.extend_from_slice(&address.octets());
        }
    }
}
