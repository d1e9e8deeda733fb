"""The HTML report in a real browser: structure, colours, keyboard and a phone's width, not pixels.

    check_html.py <fluxwright> [folder for screenshots]

Speaks the DevTools protocol with headless Chromium over a pipe. Last line: `N passed, M failed`.
"""

import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent / "examples/cluster-repo"
FLAGS = """--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking
--disable-component-update --disable-sync --disable-dev-shm-usage --remote-debugging-pipe""".split()
HOSTILE = "<img src=x onerror=document.title=1><script>document.title=2</script>"

# Texts with the colours of text and ground, as the browser computes them.
CONTRAST = """(() => {
  const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = e => {
    for (let at = e; at; at = at.parentElement) {
      const c = parse(getComputedStyle(at).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const seen = {}; let worst = 99, where = '', count = 0;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || e.tagName === 'title') continue;
    const svg = e.tagName === 'text';
    const fill = svg ? getComputedStyle(e.previousElementSibling).fill : 'none';
    const text = parse(svg ? getComputedStyle(e).fill : getComputedStyle(e).color);
    const [a, b] = [luminance(text), luminance(fill === 'none' ? ground(svg ? e.closest('div') : e) : parse(fill))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    count++;
    if (ratio < worst) { worst = ratio; where = e.tagName + '.' + e.getAttribute('class') + ': ' + e.textContent.slice(0, 40); }
  }
  return {worst, where, count, body: getComputedStyle(document.body).backgroundColor};
})()"""

STRUCTURE = """(() => {
  const all = s => [...document.querySelectorAll(s)];
  const levels = all('h1,h2,h3,h4,h5,h6').map(h => Number(h.tagName[1]));
  const ids = all('[id]').map(e => e.id);
  return {
    levels, lang: document.documentElement.lang, title: document.title,
    landmarks: ['header', 'nav', 'main', 'footer'].map(s => all(s).length),
    skip: all('body > a.skip[href^="#"]').filter(a => document.getElementById(a.hash.slice(1))).length,
    links: all('a[href]').filter(a => a.hash && !document.getElementById(a.hash.slice(1))).length,
    unique: new Set(ids).size === ids.length,
    th: all('th').length, scoped: all('th[scope]').length,
    markup: all('img,script,iframe,object,embed,form,link').length,
    sections: all('main > section').length, objects: all('[data-object]').length, changes: all('[data-object] [data-change]').length,
    proofs: all('[data-proof]').length, proven: all('[data-proof="proven"]').length,
    findings: all('[data-finding]').length, errors: all('[data-finding="error"]').length,
    svgs: all('svg[role=img] > title').length, text: document.body.innerText,
  };
})()"""

WIDTH = """(() => { document.querySelectorAll('details').forEach(d => d.open = true);
  const e = document.documentElement; return [e.scrollWidth, e.clientWidth]; })()"""

passed = failed = 0


def check(name, good, detail=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {name} {detail}")


class Browser:
    def __init__(self, profile):
        self.answers, self.id, self.events, self.rest = {}, 0, [], b""
        command_read, self.write = os.pipe()
        self.read, answer_write = os.pipe()
        # Chromium reads commands from descriptor 3 and writes answers to 4.
        words = ["bash", "-c", f'exec "$@" 3<&{command_read} 4>&{answer_write}', "-", browser_path()]
        self.child = subprocess.Popen(
            [*words, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(command_read, answer_write), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(command_read)
        os.close(answer_write)
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        self.id += 1
        message = {"id": self.id, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.id:
                if "error" in answer:
                    sys.exit(f"check_html: {method}: {answer['error']}")
                return answer["result"]

    def receive(self):
        while b"\0" not in self.rest:
            part = os.read(self.read, 1 << 20)
            if not part:
                sys.exit("check_html: the browser ended")
            self.rest += part
        text, self.rest = self.rest.split(b"\0", 1)
        message = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message

    def open(self, path):
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.receive()

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            sys.exit(f"check_html: {result['exceptionDetails']}")
        return result["result"].get("value")

    def media(self, **features):
        self.call("Emulation.setEmulatedMedia", features=[{"name": n.replace("_", "-"), "value": v} for n, v in features.items()])

    def size(self, width, height=900):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)

    def key(self, key, code):
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def screenshot(self, path):
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self):
        self.call("Browser.close")
        self.child.wait(30)


def browser_path():
    return os.environ.get("FLUXWRIGHT_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or sys.exit("check_html: chromium is missing")


def run(fluxwright, repo, *args):
    done = subprocess.run([fluxwright, "--repo", repo, "--color", "never", *args], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def replace(path, *pairs):
    text = path.read_text()
    for old, new in pairs:
        if old not in text:
            sys.exit(f"check_html: the example has no {old!r}")
        text = text.replace(old, new, 1)
    path.write_text(text)


def page(browser, name, path, shots):
    """What holds for every page."""
    browser.media(prefers_color_scheme="light")
    browser.size(1200)
    browser.open(path)
    requests = [e["params"]["request"]["url"] for e in browser.events if e["method"] == "Network.requestWillBeSent"]
    check(f"{name}: no request but the page", requests == [path.as_uri()], requests)
    s = browser.evaluate(STRUCTURE)
    check(f"{name}: one h1, no level left out", s["levels"].count(1) == 1 and s["levels"][0] == 1
          and all(b - a <= 1 for a, b in zip(s["levels"], s["levels"][1:])), s["levels"])
    check(f"{name}: landmarks", s["landmarks"] == [1, 1, 1, 1], s["landmarks"])
    check(f"{name}: language, skip link, links, ids", s["lang"] == "en" and s["skip"] == 1 and s["links"] == 0 and s["unique"])
    check(f"{name}: every th has a scope", s["th"] == s["scoped"])
    check(f"{name}: nothing is interpreted", s["markup"] == 0 and s["title"].startswith("Changes of"), s["title"])
    grounds = []
    for scheme in ("light", "dark"):
        browser.media(prefers_color_scheme=scheme)
        browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        c = browser.evaluate(CONTRAST)
        grounds.append(c["body"])
        check(f"{name}: contrast in {scheme}", c["count"] > 10 and c["worst"] >= 4.5, c)
        if shots:
            browser.screenshot(shots / f"{name}-{scheme}.png")
    check(f"{name}: two schemes", grounds[0] != grounds[1], grounds)
    browser.size(360, 800)
    scroll, client = browser.evaluate(WIDTH)
    check(f"{name}: fits a phone", scroll <= client == 360, (scroll, client))
    if shots:
        browser.screenshot(shots / f"{name}-phone.png")
    for motion, wanted in (("reduce", "auto"), ("no-preference", "smooth")):
        browser.media(prefers_reduced_motion=motion)
        got = browser.evaluate("getComputedStyle(document.documentElement).scrollBehavior")
        check(f"{name}: motion {motion}", got == wanted, got)
    browser.size(1200)
    browser.open(path)
    keyboard(browser, name)
    noise = [e for e in browser.events if e["method"] in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")]
    check(f"{name}: a silent console", not noise, noise)
    return s


def keyboard(browser, name):
    wanted = "[...document.querySelectorAll('a[href], summary, [tabindex=\"0\"]')].filter(e => e.checkVisibility())"
    count = browser.evaluate(f"window.wanted = {wanted}; window.wanted.length")
    order, visible = [], True
    for _ in range(count):
        browser.key("Tab", 9)
        order.append(browser.evaluate("window.wanted.indexOf(document.activeElement)"))
        visible = visible and browser.evaluate(
            "getComputedStyle(document.activeElement).outlineStyle !== 'none' && document.activeElement.getBoundingClientRect().left >= 0")
    check(f"{name}: Tab reaches everything in order", order == list(range(count)) and count > 1, order)
    check(f"{name}: focus is visible", visible)
    if browser.evaluate("document.querySelectorAll('summary').length"):
        browser.evaluate("document.querySelector('summary').focus()")
        states = []
        for _ in range(2):
            browser.key("Enter", 13)
            states.append(browser.evaluate("document.querySelector('details').open"))
        check(f"{name}: Enter opens and closes", states[0] != states[1], states)


def main():
    fluxwright = str(pathlib.Path(sys.argv[1]).resolve())
    shots = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as tmp:
        tmp = pathlib.Path(tmp)
        repo = tmp / "repo"
        shutil.copytree(EXAMPLES, repo)
        intent = repo / "clusters/prod/cluster.yaml"
        replace(intent, ("port: 5432\n", "port: 5433\n"), ("value: {team: net}", f"value: {{team: '{HOSTILE}'}}"))
        browser = Browser(tmp / "profile")
        code, html, _ = run(fluxwright, repo, "diff", "-o", "html")
        (tmp / "changes.html").write_text(html)
        check("differences exit with 1", code == 1, code)
        seen = page(browser, "changes", tmp / "changes.html", shots)
        clusters = json.loads(run(fluxwright, repo, "diff", "-o", "json")[1])["clusters"]
        findings = run(fluxwright, repo, "check")[2]
        total = lambda key: sum(len(cluster[key]) for cluster in clusters)
        check("clusters", seen["sections"] == len(clusters) == 5, seen["sections"])
        check("objects", seen["objects"] == total("objects") > 0, seen["objects"])
        fields = sum(len(o["fields"]) for cluster in clusters for o in cluster["objects"])
        check("changes", seen["changes"] == fields > 0, (seen["changes"], fields))
        check("proofs", seen["proofs"] == seen["proven"] == total("proofs") > 0, seen["proofs"])
        check("findings", seen["findings"] == len(re.findall(r"^(?:error|warning)\[", findings, re.M)) > 0, findings)
        check("graphs", seen["svgs"] == len(clusters), seen["svgs"])
        check("hostile text is text", HOSTILE in seen["text"])

        replace(intent, ("spec:\n", f"spec:\n  \"{HOSTILE}\": 1\n"))
        code, html, _ = run(fluxwright, repo, "diff", "prod", "dev", "-o", "html")
        (tmp / "errors.html").write_text(html)
        check("errors exit with 1", code == 1, code)
        seen = page(browser, "errors", tmp / "errors.html", shots)
        findings = run(fluxwright, repo, "check", "prod", "dev")[2]
        check("errors are on the page", seen["errors"] == len(re.findall(r"^error\[", findings, re.M)) > 0, findings)
        check("nothing was compared", "Nothing was compared." in seen["text"] and "no changes" in seen["text"])
        check("hostile names are text", HOSTILE in seen["text"])
        browser.close()
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
