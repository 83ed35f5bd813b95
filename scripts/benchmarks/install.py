"""Deterministic installs of the reference application, of any size."""

import hashlib
import random
import shutil
import sqlite3
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMA = REPOSITORY / "fixtures" / "schema.sql"
DATABASE = Path("storage/database/vedfolnir.db")
CONNECTIONS = 2
IMAGES_PER_POST = 4
STATUS = ["pending", "reviewed", "approved", "posted", "rejected", "error"]
WORDS = (
    "a photograph of the old harbour at dawn with two boats moored beside each other and a gull on the nearest "
    "bollard while mist lifts from the water behind them toward the far shore where lamps still burn"
).split()


@dataclass(frozen=True)
class Size:
    """How much an install holds. `heavy`: user 1 owns that many times what the others own. `rows`: without them, nothing
    names the files, which all lie in the users' directories."""

    users: int
    images: int = 200
    heavy: int = 1
    files: bool = False
    rows: bool = True
    indexed: bool = False

    def name(self):
        digest = hashlib.sha256(SCHEMA.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:8]
        return "-".join(f"{key}{int(value)}" for key, value in asdict(self).items()) + "-" + digest


def template(size, directory):
    """The install of that size, built once."""
    place = directory / size.name()
    if not place.exists():
        half = place.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        build(size, half)
        half.rename(place)
    return place


def build(size, root):
    database = root / DATABASE
    database.parent.mkdir(parents=True)
    for name in ["images", "temp", "backups"]:
        (root / "storage" / name).mkdir()
    (root / "logs").mkdir()
    connection = sqlite3.connect(database, isolation_level=None)
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; BEGIN;" + SCHEMA.read_text())
    rows = Rows(connection, size)
    rows.write() if size.rows else rows.accounts()
    if size.indexed:
        index_references(connection)
    connection.execute("COMMIT")
    connection.close()
    if size.files:
        write_files(root, size)


class Rows:
    """What everybody owns, in the order in which it came to be: row after row of one user after another's, as in an
    application that people use at the same time."""

    def __init__(self, connection, size):
        self.connection = connection
        self.size = size
        self.random = random.Random(1)
        self.time = 1_700_000_000

    def accounts(self):
        self.each(range(1, self.size.users + 1), 1, self.user)

    def write(self):
        self.accounts()
        users = range(1, self.size.users + 1)
        self.each(users, CONNECTIONS, self.connection_of)
        self.each(users, CONNECTIONS, self.settings)
        posts = posts_of(self.size)
        self.each(users, posts, self.post, weighed=True)
        small = max(1, posts // 5)
        for work in [self.run, self.task, self.session, self.gdpr, self.override, self.event, self.notification]:
            self.each(users, small, work, weighed=True)
        for work in [self.job_log, self.user_log]:
            self.each(users, posts * 2, work, weighed=True)
        self.everybodys()

    def each(self, users, count, work, weighed=False):
        heavy = self.size.heavy if weighed else 1
        for number in range(count * heavy):
            for user in users if number < count else [1]:
                work(user, number)

    def insert(self, table, **row):
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        return self.connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values())).lastrowid

    def text(self, length):
        words = [self.random.choice(WORDS) for _ in range(length // 6 + 1)]
        return " ".join(words)[:length]

    def now(self):
        self.time += 7
        return self.written(self.time)

    def long_ago(self):
        """When something was written elsewhere, which is fetched now."""
        return self.written(self.random.randrange(1_600_000_000, self.time))

    def written(self, time):
        return datetime.fromtimestamp(time, timezone.utc).isoformat(" ", "seconds")

    def token(self, *parts):
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def link(self, user, number):
        """One of the user's platform connections."""
        return (number % CONNECTIONS) * self.size.users + user

    def user(self, user, _):
        self.insert(
            "users", id=user, username=f"person{user}", email=f"person{user}@example.org", role="viewer",
            password_hash=self.token("password", user), is_active=1, created_at=self.now(), email_verified=1,
        )

    def connection_of(self, user, number):
        self.insert(
            "platform_connections", user_id=user, name=f"server {number}", platform_type="pixelfed", is_active=1,
            instance_url=f"https://{number}.example.org", username=f"person{user}", access_token=self.token(user, number),
        )

    def settings(self, user, number):
        self.insert(
            "caption_generation_user_settings", user_id=user, platform_connection_id=self.link(user, number),
            max_posts_per_run=50, max_caption_length=500,
        )

    def post(self, user, number):
        link = self.link(user, number)
        name = f"{user}-{number}"
        post = self.insert(
            "posts", post_id=name, user_id=user, post_url=f"https://example.org/p/{name}", post_content=self.text(400),
            platform_connection_id=link, platform_type="pixelfed", instance_url="https://example.org",
            created_at=self.long_ago(),
        )
        for attachment in range(IMAGES_PER_POST):
            self.image(user, post, link, f"{name}-{attachment}", attachment)

    def image(self, user, post, link, name, attachment):
        directory = f"user_{user}/" if attachment else ""
        self.insert(
            "images", post_id=post, image_url=f"https://example.org/media/{name}.jpg", media_type="image/jpeg",
            local_path=f"storage/images/{directory}{name}.jpg", original_filename=f"{name}.jpg", image_post_id=name,
            attachment_index=attachment, platform_connection_id=link, original_caption=self.text(300),
            generated_caption=self.text(self.random.randrange(100, 1300)), reviewed_caption=self.text(500),
            final_caption=self.text(500), status=self.random.choice(STATUS), created_at=self.long_ago(),
        )

    def run(self, user, number):
        self.insert(
            "processing_runs", user_id=user, batch_id=f"{user}-{number}", started_at=self.now(), posts_processed=5,
            status="completed", platform_connection_id=self.link(user, number),
        )

    def task(self, user, number):
        self.insert(
            "caption_generation_tasks", id=self.token("task", user, number)[:36], user_id=user, status="completed",
            platform_connection_id=self.link(user, number), settings_json="{}", results_json=self.text(400),
        )

    def session(self, user, number):
        self.insert(
            "user_sessions", session_id=self.token("session", user, number), user_id=user, created_at=self.now(),
            active_platform_id=self.link(user, number), expires_at=self.now(), user_agent=self.text(80),
        )

    def gdpr(self, user, _):
        self.insert("gdpr_audit_log", user_id=user, action_type="consent", action_details=self.text(120))

    def override(self, user, number):
        if number % 5 == 0:
            self.insert(
                "storage_overrides", admin_user_id=user, activated_at=self.now(), expires_at=self.now(),
                duration_hours=24, reason=self.text(60), is_active=0,
            )

    def event(self, user, _):
        self.insert(
            "storage_event_log", event_type="warning", storage_gb=9.5, limit_gb=10, user_id=user,
            timestamp=self.now(), details=self.text(60),
        )

    def notification(self, user, number):
        self.insert(
            "notifications", id=self.token("notification", user, number), user_id=user, type="info", priority="normal",
            category="system", title=self.text(40), message=self.text(200), timestamp=self.now(),
        )

    def job_log(self, user, number):
        small = max(1, posts_of(self.size) // 5)
        self.insert(
            "job_audit_log", task_id=self.token("task", user, number % small)[:36], user_id=user, action="started",
            details=self.text(120), timestamp=self.now(), platform_connection_id=self.link(user, number),
        )

    def user_log(self, user, _):
        self.insert("user_audit_log", user_id=user, action="login", details=self.text(80), user_agent=self.text(80))

    def everybodys(self):
        for number in range(20):
            self.insert("system_configuration", key=f"setting {number}", value=self.text(40), updated_by=1)
            self.insert("compliance_metrics", metric_name=f"metric {number}")


def index_references(connection):
    """An index for each foreign key that has none."""
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    for table in tables:
        leading = set()
        for _, name, *_ in connection.execute(f"PRAGMA index_list({table})").fetchall():
            leading.add(connection.execute(f"PRAGMA index_info({name})").fetchone()[2])
        for key in connection.execute(f"PRAGMA foreign_key_list({table})").fetchall():
            if key[3] not in leading:
                connection.execute(f"CREATE INDEX extra_{table}_{key[3]} ON {table} ({key[3]})")


def write_files(root, size):
    """The images, and for each user one file in each of the other directories, which no row names."""
    for user in range(1, size.users + 1):
        for name in ["images", "temp", "backups"]:
            (root / "storage" / name / f"user_{user}").mkdir()
        for name in ["temp", "backups"]:
            write_file(root / "storage" / name / f"user_{user}" / "left.bin")
        for number in range(posts_of(size)):
            for attachment in range(IMAGES_PER_POST):
                directory = "" if size.rows and attachment == 0 else f"user_{user}"
                write_file(root / "storage" / "images" / directory / f"{user}-{number}-{attachment}.jpg")


def write_file(path):
    path.write_bytes(b"x" * 2000)


def posts_of(size):
    return max(1, size.images // IMAGES_PER_POST)
