# callee: datetime.datetime
import datetime
import os
import time
import zoneinfo

moment = datetime.datetime(2024, 3, 31, 0, 30, tzinfo=datetime.timezone.utc)
for name in ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"):
    try:
        zone = zoneinfo.ZoneInfo(name)
    except zoneinfo.ZoneInfoNotFoundError as error:
        print(error)
        continue
    local = moment.astimezone(zone)
    print(name, local.isoformat(), local.tzname(), local.utcoffset(), (local + datetime.timedelta(hours=1)).isoformat())
print(time.tzname, time.timezone, moment.astimezone().isoformat())
os.environ["TZ"] = "EST5EDT,M3.2.0,M11.1.0"
time.tzset()
print(time.tzname, time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(0)))
print(datetime.datetime.strptime("03 Feb 2021", "%d %b %Y").strftime("%A %j %W"))
