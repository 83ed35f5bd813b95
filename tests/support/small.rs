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
