# A libtorrent peer in the laboratory: `libtorrent-peer.py FOLDER PORT HOOK SETTINGS`, settings as JSON beside libtorrent's own. Says that
# it is ready, takes the path of a torrent from standard input, and runs HOOK when it has everything. No DHT, UPnP or NAT-PMP.
import json
import subprocess
import sys
import threading

import libtorrent

LONG = 3_600_000

folder, port, hook, settings = sys.argv[1:5]
session = libtorrent.session(
    {
        "listen_interfaces": "0.0.0.0:" + port,
        "enable_dht": False,
        "enable_lsd": True,
        "enable_upnp": False,
        "enable_natpmp": False,
        "alert_mask": libtorrent.alert.category_t.status_notification,
        **json.loads(settings),
    }
)


def tell():
    while True:
        session.wait_for_alert(LONG)
        for alert in session.pop_alerts():
            if isinstance(alert, libtorrent.torrent_finished_alert):
                subprocess.Popen([hook])


threading.Thread(target=tell, daemon=True).start()
print("ready", flush=True)
for line in sys.stdin:
    session.add_torrent({"ti": libtorrent.torrent_info(line.strip()), "save_path": folder})
