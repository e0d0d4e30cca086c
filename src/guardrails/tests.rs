//! What guardrails say.
#![allow(clippy::unwrap_used, reason = "test")]

use std::cell::RefCell;

use super::*;

#[derive(Default)]
struct Taken(RefCell<Vec<String>>);

impl Warnings for Taken {
    fn warn(&self, message: String) {
        self.0.borrow_mut().push(message);
    }
}

fn of(mut threshold: Threshold, warn: Option<i64>, fail: Option<i64>) -> Threshold {
    (threshold.warn, threshold.fail) = (warn, fail);
    threshold
}

#[test]
fn a_number_is_warned_of_and_refused() {
    let keyspaces = of(Guardrails::default().keyspaces, Some(2), Some(4));
    assert_eq!(keyspaces.check(2, "k"), Verdict::Pass);
    assert_eq!(
        keyspaces.check(4, "k"),
        Verdict::Warn(
            "Guardrail keyspaces violated: Creating keyspace k, current number of keyspaces 4 exceeds warning \
             threshold of 2."
                .to_owned()
        )
    );
    assert_eq!(
        keyspaces.check(5, "k"),
        Verdict::Fail(
            "Guardrail keyspaces violated: Cannot have more than 4 keyspaces, aborting the creation of keyspace k"
                .to_owned()
        )
    );
    assert_eq!(Guardrails::default().keyspaces.check(i64::MAX, "k"), Verdict::Pass);
}

#[test]
fn times_are_relative_to_now() {
    let minimum = of(Guardrails::default().minimum_timestamp, Some(10), None).at(100);
    assert_eq!(minimum.check(90, "t"), Verdict::Pass);
    assert!(
        matches!(minimum.check(89, "t"), Verdict::Warn(text) if text.contains("threshold 90. Timestamps"))
    );
    let maximum = of(Guardrails::default().maximum_timestamp, None, Some(10)).at(100);
    assert_eq!(maximum.check(110, "t"), Verdict::Pass);
    assert!(matches!(maximum.check(111, "t"), Verdict::Fail(_)));
}

#[test]
fn words_are_refused_before_they_are_left_out() {
    let rails = Guardrails::default();
    let taken = Taken::default();
    let guard = Guard::new(&rails, &taken);
    let mut sets = rails.table_properties.clone();
    sets.warned = vec!["cdc".to_owned(), "comment".to_owned()];
    sets.ignored = vec!["cdc".to_owned()];
    let given = ["comment".to_owned(), "cdc".to_owned()];
    assert_eq!(sets.check(&given, guard).unwrap(), ["cdc"]);
    assert_eq!(taken.0.borrow().len(), 2);
    assert!(taken.0.borrow()[1].contains("Provided values [comment] are not recommended"));
    sets.disallowed = vec!["comment".to_owned()];
    assert!(matches!(sets.check(&given, guard), Err(Error::Guardrail(_))));
}
