//! An install that is small enough to be reset a thousand times: two users, who share a file.

use std::fs;

use super::install::Install;

/// What remains of `example`: at least one row in each table that it fills, and
///
/// - a file that rows of both users name, and one in a user's directory that no row names;
/// - a row that nobody owns and that mentions user 1 and that user's connection;
/// - a file of nobody's in a root.
const SHRINK: &str = "
    DELETE FROM images WHERE id NOT IN (1, 4, 7, 9);
    UPDATE images SET local_path = './storage/images/cats_2.jpg' WHERE id = 9;
    DELETE FROM posts WHERE id = 3;
    DELETE FROM processing_runs WHERE id = 2;
    DELETE FROM job_audit_log WHERE id NOT IN (1, 10, 11);
    INSERT INTO job_audit_log (id, action, details, admin_user_id, platform_connection_id)
        VALUES (16, 'connection_tested', 'unowned', 1, 1);
    DELETE FROM system_configuration;
    DELETE FROM system_alerts;
    DELETE FROM alert_configuration;
    VACUUM";

/// The install, in rollback journal mode.
pub(crate) fn small() -> Install {
    let install = Install::copy("example");
    install.execute(SHRINK);
    for gone in [
        "user_1/cats.jpg",
        "user_1/harbour_2.jpg",
        "user_2/bread_2.png",
    ] {
        fs::remove_file(install.path(format!("storage/images/{gone}"))).unwrap();
    }
    fs::create_dir(install.path("storage/temp/user_2")).unwrap();
    install
}

/// The same with so many rows in two tables that a run drops indexes of them and makes one; what the
/// planner knows of the indexes included.
pub(crate) fn many_rows() -> Install {
    let install = small();
    install.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
         INSERT INTO job_audit_log (user_id, action, details, timestamp, platform_connection_id)
             SELECT 1 + i % 2, 'seen', 'entry ' || i, 1000000 + i * 7919 % 1009, 1 + i % 2 FROM n;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
         INSERT INTO notifications (id, user_id, type, priority, category, title, message, timestamp)
             SELECT 'n' || i, 1 + i % 2, 'info', 'low', 'system' || i % 3, 't', 'm', i * 7919 % 1009 FROM n;
         ANALYZE; DELETE FROM sqlite_stat4;",
    );
    install
}
