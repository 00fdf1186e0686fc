"""Every security check: id, area, title, severity, remedy. The docs and the compliance summary are made from it."""

from __future__ import annotations

from collectors.security.check import Check

__all__ = ["CHECKS"]

_ALL = (
    Check("files.world-writable", "files", "Files in build roots that anybody may change", "high", "chmod o-w"),
    Check(
        "files.setuid",
        "files",
        "Set-user-id or set-group-id programs in build roots",
        "critical",
        "Find out which package installed it; chmod ug-s unless it is one you expect",
    ),
    Check(
        "files.owner",
        "files",
        "Files in build roots that belong to somebody else",
        "medium",
        "chown to the build user or root, or add the user to the policy's builders",
    ),
    Check("files.device", "files", "Device files in build roots outside dev/", "critical", "Remove the device file"),
    Check(
        "toolchain.changed",
        "toolchain",
        "A compiler, linker or make differs from the last scan",
        "high",
        "Compare with the package manager's record; expected after an upgrade, otherwise reinstall the tool",
    ),
    Check(
        "toolchain.added",
        "toolchain",
        "A tool on the search path that was not there before",
        "low",
        "Confirm who installed it",
    ),
    Check("toolchain.removed", "toolchain", "A tool that is gone since the last scan", "low", "Confirm who removed it"),
    Check(
        "toolchain.writable",
        "toolchain",
        "A tool that others may change",
        "critical",
        "chown root and chmod go-w, then reinstall the tool: it may have been changed already",
    ),
    Check(
        "network.listener",
        "network",
        "A service that listens beyond loopback",
        "medium",
        "Bind it to 127.0.0.1 or ::1, firewall it, or add its port to the policy's allowed ports",
    ),
    Check(
        "services.failed",
        "services",
        "A failed system unit",
        "medium",
        "systemctl status UNIT tells why; repair it, or systemctl reset-failed UNIT",
    ),
    Check("keys.exposed", "keys", "A private key that others may read", "critical", "chmod 600, then replace the key"),
    Check(
        "keys.unencrypted",
        "keys",
        "A private key without a passphrase",
        "low",
        "Use an agent or a secret store; keep on the build host only what the build needs",
    ),
    Check("keys.weak", "keys", "A key too weak to trust", "high", "Replace it with Ed25519 or RSA of 3072 bits"),
    Check("keys.expired", "keys", "A certificate past its end", "high", "Renew the certificate"),
    Check("keys.expiring", "keys", "A certificate near its end", "medium", "Renew the certificate in time"),
    Check(
        "keys.weak-signature",
        "keys",
        "A certificate signed with MD5 or SHA-1",
        "medium",
        "Have it signed again with SHA-256",
    ),
    Check(
        "sudo.everything",
        "sudo",
        "Everything as root without a password",
        "critical",
        "Name the commands that are needed, or ask for the password",
    ),
    Check("sudo.nopasswd", "sudo", "Some commands as root without a password", "low", "Ask whether it must be so"),
    Check(
        "sudo.writable-command",
        "sudo",
        "A command allowed as root that somebody else may replace",
        "critical",
        "Give the command and its folder to root, chmod go-w",
    ),
    Check("sudo.defaults", "sudo", "A sudo default that opens a way to root", "high", "Remove the default"),
    Check("sudo.file", "sudo", "A sudoers file that others may change", "critical", "chown root:root, chmod 0440"),
    Check("umask.open", "umask", "New files are writable by others", "medium", "Set umask 022 or 027"),
    Check(
        "path.relative",
        "path",
        "The search path holds an empty or relative entry",
        "critical",
        "Take it out: commands would be found in whatever folder is current",
    ),
    Check(
        "path.writable",
        "path",
        "A folder on the search path that others may change",
        "critical",
        "chown root and chmod go-w the folder, or take it off the search path",
    ),
    Check("path.missing", "path", "A folder on the search path that does not exist", "low", "Take it off the path"),
    Check(
        "mounts.options",
        "mounts",
        "A shared writable file system without nosuid or nodev",
        "medium",
        "Add nosuid,nodev to its line in /etc/fstab and remount",
    ),
    Check(
        "kernel.hardening",
        "kernel",
        "A kernel setting weaker than usual hardening",
        "medium",
        "Set it in /etc/sysctl.d/ and run sysctl --system",
    ),
    Check("accounts.uid-zero", "accounts", "A second account with user id 0", "critical", "Remove the account"),
    Check("accounts.empty-password", "accounts", "An account without a password", "critical", "passwd -l ACCOUNT"),
    Check("accounts.duplicate-id", "accounts", "Two accounts share a user id", "medium", "Give each its own id"),
    Check(
        "accounts.builder",
        "accounts",
        "Somebody may build here who is not in the policy",
        "medium",
        "Take the account out of the build group, or add it to the policy's builders",
    ),
    Check(
        "accounts.root-equivalent",
        "accounts",
        "A build account is in a group that amounts to root",
        "high",
        "Take the build account out of the group",
    ),
)

CHECKS: dict[str, Check] = {check.id: check for check in _ALL}
