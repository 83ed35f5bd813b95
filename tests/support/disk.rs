//! File systems of the tests' own, on disks whose power can fail: ext4 on loop devices.
//!
//! What a killed process wrote but did not flush is in the kernel's memory and not on the disk. So a
//! power loss is: copy the disk as it is, unmount it, and mount the copy in its place.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;

use super::install::scratch;
use super::run::{is_root, say};

/// Enough for the small install, and for the file system's own journal.
const SIZE: u64 = 8 << 20;

/// Nothing reaches the disk by itself in less than five minutes.
const OPTIONS: &str = "commit=300,noatime";

/// The bytes of a disk.
pub(crate) type Image = Vec<u8>;

/// Which device a disk is after the power loss: a reboot may number them anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    AsBefore,
    Another,
}

/// Whether there can be such disks. Where not, that is said aloud.
pub(crate) fn has_disks(lost: &str) -> bool {
    let probe = || {
        let place = TempDir::new().map_err(|error| error.to_string())?;
        Disk::new(place.path())?.insert(&blank()?, Number::AsBefore)
    };
    let refusal = if is_root() {
        probe().err()
    } else {
        Some("only root can mount".to_owned())
    };
    if let Some(reason) = &refusal {
        say(&format!("SKIPPED: {lost}: {}", reason.trim_end()));
    }
    refusal.is_none()
}

/// A disk with an empty file system.
pub(crate) fn blank() -> Result<Image, String> {
    let directory = scratch();
    let image = directory.path().join("image");
    let made = fs::File::create(&image).and_then(|file| file.set_len(SIZE));
    made.map_err(|error| error.to_string())?;
    let eager = "lazy_itable_init=0,lazy_journal_init=0";
    tool(
        Command::new("mkfs.ext4")
            .args(["-q", "-m", "0", "-E", eager])
            .arg(&image),
    )?;
    fs::read(image).map_err(|error| error.to_string())
}

/// A disk, mounted at one place. It is unmounted and given back when it is dropped.
pub(crate) struct Disk {
    place: PathBuf,
    devices: [Loop; 2],
    mounted: bool,
    _directory: TempDir,
}

impl Disk {
    /// A disk for this place, not mounted yet.
    pub(crate) fn new(place: &Path) -> Result<Self, String> {
        let directory = scratch();
        let device = |name| Loop::attach(directory.path().join(name));
        Ok(Self {
            place: place.to_owned(),
            devices: [device("as before")?, device("another")?],
            mounted: false,
            _directory: directory,
        })
    }

    /// What a power loss would leave: without what is in memory only.
    pub(crate) fn image(&self) -> Image {
        fs::read(&self.device(Number::AsBefore).image).unwrap()
    }

    /// Mounts a disk with this content, in the place of what was mounted.
    pub(crate) fn insert(&mut self, image: &[u8], number: Number) -> Result<(), String> {
        self.remove();
        let device = self.device(number);
        let mount = ["-t", "ext4", "-o", OPTIONS];
        let places = [&device.device, &self.place];
        patiently(|| {
            device.hold(image).map_err(|error| error.to_string())?;
            tool(Command::new("mount").args(mount).args(places))
        })?;
        self.mounted = true;
        // An ordinary directory has none.
        let _ = fs::remove_dir(self.place.join("lost+found"));
        Ok(())
    }

    /// Unmounts it, so that everything is written, and answers with what it holds.
    pub(crate) fn eject(&mut self) -> Image {
        self.remove();
        self.image()
    }

    /// Unmounts it, if it is mounted.
    pub(crate) fn remove(&mut self) {
        if !std::mem::take(&mut self.mounted) {
            return;
        }
        let unmount =
            |options: &[&str]| tool(Command::new("umount").args(options).arg(&self.place));
        if let Err(busy) = patiently(|| unmount(&[])) {
            let _ = unmount(&["-l"]);
            say(&format!("`{}` stays busy: {busy}", self.place.display()));
        }
    }

    fn device(&self, number: Number) -> &Loop {
        &self.devices[usize::from(number == Number::Another)]
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Tries again for a second: a process that was killed, or that is about to become another program, may
/// take a moment to let go.
fn patiently<T>(mut attempt: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    for _ in 0..50 {
        if let Ok(done) = attempt() {
            return Ok(done);
        }
        sleep(Duration::from_millis(20));
    }
    attempt()
}

/// A loop device and the file behind it.
struct Loop {
    device: PathBuf,
    image: PathBuf,
}

impl Loop {
    fn attach(image: PathBuf) -> Result<Self, String> {
        let made = fs::File::create(&image).and_then(|file| file.set_len(SIZE));
        made.map_err(|error| error.to_string())?;
        let device = tool(Command::new("losetup").args(["-f", "--show"]).arg(&image))?;
        Ok(Self {
            device: device.trim_end().into(),
            image,
        })
    }

    /// Makes this its content, through the device: written into the file behind it, it would not be seen
    /// as long as anybody holds the device open, for the kernel then keeps what it has read. Fails while
    /// it is mounted anywhere.
    fn hold(&self, image: &[u8]) -> io::Result<()> {
        let alone = OFlags::WRONLY | OFlags::EXCL | OFlags::CLOEXEC;
        let mut device = fs::File::from(rustix::fs::open(&self.device, alone, Mode::empty())?);
        device.write_all(image)?;
        device.sync_all()
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = tool(Command::new("losetup").arg("-d").arg(&self.device));
    }
}

/// What the tool says, or what it complains of.
fn tool(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(format!("{name}: {}", text(&output.stderr)))
    }
}
