//! Clusters that were found clean are not rendered again, and nothing that changes since is overlooked.

mod support;

use std::path::PathBuf;
use std::time::Duration;

use support::{INTENT, PORT, Run, Sandbox, intent};

const CONFIG_MAP: &str = "clusters/demo/ingress/tcp-udp-services.yaml";

fn record(sandbox: &Sandbox) -> PathBuf {
    sandbox.repo().join(".git/fluxwright.clean")
}

/// A repository whose cluster is known to be clean.
fn known() -> Sandbox {
    let sandbox = Sandbox::with_git();
    sandbox.write(INTENT, intent(PORT));
    assert_eq!(sandbox.run(&["render"]).code, 0);
    // What changed in the same tick of the clock could change again without a trace, so it is not recorded.
    for _ in 0..50 {
        std::thread::sleep(Duration::from_millis(20));
        let run = sandbox.run(&["check"]);
        assert_eq!(run.code, 0, "{run}");
        if record(&sandbox).exists() {
            return sandbox;
        }
    }
    panic!("the cluster is never recorded");
}

fn says_the_same(sandbox: &Sandbox, args: &[&str]) -> Run {
    let brief = sandbox.run(args);
    let kept = std::fs::read(record(sandbox)).expect("readable");
    std::fs::remove_file(record(sandbox)).expect("removable");
    let whole = sandbox.run(args);
    std::fs::write(record(sandbox), kept).expect("writable");
    assert_eq!(brief.to_string(), whole.to_string(), "{args:?}");
    brief
}

#[test]
fn the_answer_is_the_same_with_and_without_the_record() {
    let sandbox = known();
    for args in [
        &["check"][..],
        &["check", "-v"],
        &["check", "-o", "json"],
        &["diff"],
        &["diff", "-o", "json"],
        &["diff", "-o", "html"],
        &["render"],
        &["render", "--exit-code"],
        &["render", "--stdout"],
        &["graph"],
    ] {
        says_the_same(&sandbox, args);
    }
    let run = sandbox.run(&["diff"]);
    assert!(
        run.code == 0 && run.stdout.contains("no changes") && run.stdout.contains("1 of 1 patches proven"),
        "{run}"
    );
}

#[test]
fn the_record_is_used_and_never_part_of_the_work_tree() {
    let sandbox = known();
    // An answer that only the record can give.
    let text = std::fs::read_to_string(record(&sandbox)).expect("readable");
    std::fs::write(record(&sandbox), text.replace("\"name\":\"demo\"", "\"name\":\"from-the-record\""))
        .expect("writable");
    assert!(sandbox.run(&["check"]).stdout.starts_with("from-the-record: ok"));
    assert!(!sandbox.git(&["status", "--porcelain", "--ignored"]).contains("clean"));
}

#[test]
fn every_change_is_noticed() {
    type Change = fn(&Sandbox);
    let changes: [(&str, Change, i32); 9] = [
        ("the intent", |s| s.write(INTENT, intent(&PORT.replace("5432", "5433"))), 1),
        ("a generated file", |s| s.write(CONFIG_MAP, s.read(CONFIG_MAP) + "# mine\n"), 1),
        ("a generated file that is gone", |s| std::fs::remove_file(s.repo().join(CONFIG_MAP)).expect("removable"), 1),
        (
            "the inventory",
            |s| std::fs::remove_file(s.repo().join("clusters/demo/fluxwright.inventory")).expect("removable"),
            1,
        ),
        (
            "a directory that is a link",
            |s| {
                std::fs::rename(s.repo().join("clusters/demo/ingress"), s.repo().join("elsewhere")).expect("renamed");
                std::os::unix::fs::symlink("../../elsewhere", s.repo().join("clusters/demo/ingress")).expect("linked");
            },
            1,
        ),
        ("a plugin of the repository", |s| s.write("plugins/modules/broken/plugin.yaml", "nonsense"), 1),
        ("another cluster in the same directory", |s| s.write("clusters/zwei/cluster.yaml", intent(PORT)), 1),
        ("a record that is nonsense", |s| std::fs::write(record(s), "nonsense\n\u{0}\t{").expect("writable"), 0),
        (
            "an older content with its old time",
            |s| {
                let path = s.repo().join(CONFIG_MAP);
                let time = path.metadata().expect("there").modified().expect("a time");
                let text = s.read(CONFIG_MAP).replace("5432", "5431");
                s.write(CONFIG_MAP, text);
                std::fs::File::options().write(true).open(&path).expect("there").set_modified(time).expect("set");
            },
            1,
        ),
    ];
    for (what, change, code) in changes {
        let sandbox = known();
        change(&sandbox);
        let run = as_without_record(&sandbox);
        assert_eq!(run.code, code, "{what}: {run}");
    }
}

/// The run after a change, which must be as if there were no record.
fn as_without_record(sandbox: &Sandbox) -> Run {
    let brief = sandbox.run(&["diff"]);
    let _ = std::fs::remove_file(record(sandbox));
    assert_eq!(brief.to_string(), sandbox.run(&["diff"]).to_string());
    brief
}

#[test]
fn warnings_are_said_again_until_a_file_that_was_missing_appears() {
    let sandbox = Sandbox::with_git();
    sandbox.write(INTENT, intent(PORT).replace("{infra: 3}}", "{infra: 3}, caTrustBundle: {file: ca.pem}}"));
    assert_eq!(sandbox.run(&["render"]).code, 0);
    let first = sandbox.run(&["check"]);
    assert!(first.stderr.contains("warning[ca-file-missing]") && first.stderr.contains("ca.pem"), "{first}");
    for _ in 0..50 {
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(sandbox.run(&["check"]).to_string(), first.to_string());
        if record(&sandbox).exists() {
            break;
        }
    }
    says_the_same(&sandbox, &["check"]);
    sandbox.write("clusters/demo/ca.pem", "no certificate\n");
    let run = as_without_record(&sandbox);
    assert_ne!(run.code, 0, "{run}");
}
