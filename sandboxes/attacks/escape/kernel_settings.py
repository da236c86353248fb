"""Opens every file in /proc/sys and the well-known ones of /proc and /sys for writing, without writing."""
# expect: passed
# where: docker process
import os
import stat

paths = ["/proc/sysrq-trigger", "/sys/kernel/uevent_helper", "/sys/power/state", "/sys/kernel/mm/ksm/run"]
paths += ["/proc/timer_list", "/proc/kcore", "/proc/kmsg", "/proc/acpi", "/sys/firmware/efi", "/sys/kernel/debug/x"]
paths += [os.path.join(folder, name) for folder, _, names in os.walk("/proc/sys") for name in names]
for path in paths:
    try:
        if stat.S_ISCHR(os.stat(path).st_mode):
            continue  # hidden under /dev/null
        opened = os.open(path, os.O_WRONLY)
    except OSError:
        continue
    raise AssertionError(f"escaped: {path} is open for writing ({opened})")
