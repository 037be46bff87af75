import sys, threading, subprocess, psutil, time, os
from bench.engine import *
import bench.engine as be
ks = len(sys.argv)>2
def prof():
    time.sleep(4.0)
    for p in psutil.process_iter(['cmdline']):
        c=p.info['cmdline'] or []
        if 'harness.engine.node' in c and 'worker' in c:
            subprocess.run(['perf','record','-g','-o','/tmp/p.data','-p',str(p.pid),'--','sleep','2'],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL)
if os.environ.get('PERF'): threading.Thread(target=prof,daemon=True).start()
h=hear(int(sys.argv[1]),5.0,kernel_stamps=ks)
print(h.lag_ms(50),h.lag_ms(99),h.cpu_share,h.errors())
