use ringfence_ruleset::{DataType, Set, SetKind};

use super::EncodeError;
use super::constants::{expr, set, userdata};
use super::datum;
use crate::attribute::Writer;

/// Byte orders in set user data (nft's `enum byteorder`), by which nft knows how to print numbers.
const ORDER_MIXED: u32 = 0;
const ORDER_HOST: u32 = 1;
const ORDER_BIG: u32 = 2;

/// Writes the attributes of a set's definition; `id` is unique in the batch.
pub(super) fn write(
    writer: &mut Writer,
    name: &str,
    definition: &Set,
    id: u32,
) -> Result<(), EncodeError> {
    let key_type = datum::type_number(&definition.key).ok_or(EncodeError::Fields)?;
    writer.text(set::NAME, name);
    writer.be32(set::FLAGS, flags(definition));
    writer.be32(set::KEY_TYPE, key_type);
    writer.be32(set::KEY_LENGTH, length32(&definition.key));
    match &definition.kind {
        SetKind::Set => {}
        SetKind::VerdictMap => {
            writer.be32(set::DATA_TYPE, set::TYPE_VERDICT);
            writer.be32(set::DATA_LENGTH, 0);
        }
        SetKind::Map(types) => {
            let data_type = datum::type_number(types).ok_or(EncodeError::Fields)?;
            writer.be32(set::DATA_TYPE, data_type);
            writer.be32(set::DATA_LENGTH, length32(types));
        }
    }
    writer.be32(set::ID, id);
    description(writer, definition);
    writer.put(set::USERDATA, &user_data(definition));
    if definition.counted {
        // The kernel gives every element a counter of its own.
        writer.nest(set::EXPRESSION, |writer| {
            writer.text(expr::NAME, expr::COUNTER);
            writer.nest(expr::DATA, |_| {});
        });
    }
    Ok(())
}

fn flags(definition: &Set) -> u32 {
    let mut flags = 0;
    if definition.interval {
        flags |= set::FLAG_INTERVAL;
    }
    if is_ranged_concatenation(definition) {
        flags |= set::FLAG_CONCAT;
    }
    if definition.kind != SetKind::Set {
        flags |= set::FLAG_MAP;
    }
    if definition.dynamic {
        flags |= set::FLAG_EVAL | set::FLAG_TIMEOUT;
    }
    if definition.timed {
        flags |= set::FLAG_TIMEOUT;
    }
    flags
}

/// Such sets are of another type in the kernel, which must know the fields' lengths.
pub(super) fn is_ranged_concatenation(definition: &Set) -> bool {
    definition.interval && definition.key.len() > 1
}

fn description(writer: &mut Writer, definition: &Set) {
    if definition.size.is_none() && !is_ranged_concatenation(definition) {
        return;
    }
    writer.nest(set::DESCRIPTION, |writer| {
        if let Some(size) = definition.size {
            writer.be32(set::DESCRIPTION_SIZE, size);
        }
        if is_ranged_concatenation(definition) {
            writer.nest(set::DESCRIPTION_CONCAT, |writer| {
                fields(writer, &definition.key)
            });
        }
    });
}

fn fields(writer: &mut Writer, types: &[DataType]) {
    for field in types {
        // NFTA_LIST_ELEM
        writer.nest(1, |writer| {
            writer.be32(set::FIELD_LENGTH, length32(&[*field]))
        });
    }
}

/// What nft stores beside the set for its own listing, without the optional `typeof`.
fn user_data(definition: &Set) -> Vec<u8> {
    let mut bytes = number(userdata::SET_KEY_BYTEORDER, order(&definition.key));
    match &definition.kind {
        SetKind::Set => {}
        SetKind::VerdictMap => {
            bytes.extend(number(userdata::SET_DATA_BYTEORDER, ORDER_MIXED));
            bytes.extend(number(userdata::SET_DATA_INTERVAL, 0));
        }
        SetKind::Map(types) => {
            bytes.extend(number(userdata::SET_DATA_BYTEORDER, order(types)));
            bytes.extend(number(userdata::SET_DATA_INTERVAL, 0));
        }
    }
    bytes
}

fn number(kind: u8, value: u32) -> Vec<u8> {
    let mut bytes = vec![kind, 4];
    bytes.extend(value.to_ne_bytes());
    bytes
}

fn order(types: &[DataType]) -> u32 {
    match types {
        [DataType::ClassId | DataType::Mark | DataType::InterfaceName | DataType::Cgroup] => {
            ORDER_HOST
        }
        [_] => ORDER_BIG,
        _ => ORDER_MIXED,
    }
}

fn length32(types: &[DataType]) -> u32 {
    u32::try_from(datum::total_length(types)).unwrap_or(u32::MAX)
}
