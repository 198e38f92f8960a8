// What the page does beyond plain HTML: times in the reader's zone, copying, and live pages. Everything else works without it.
'use strict';
(() => {
    const main = () => document.getElementById('main');
    const time = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' });

    // As kubectl prints an age: the two largest units that matter.
    const age = seconds => {
        const s = Math.max(0, Math.floor(seconds)), two = (a, x, b, y) => b ? `${a}${x}${b}${y}` : `${a}${x}`;
        return s < 120 ? `${s}s`
            : s < 600 ? two(Math.floor(s / 60), 'm', s % 60, 's')
            : s < 10800 ? `${Math.floor(s / 60)}m`
            : s < 28800 ? two(Math.floor(s / 3600), 'h', Math.floor(s / 60) % 60, 'm')
            : s < 172800 ? `${Math.floor(s / 3600)}h`
            : s < 691200 ? two(Math.floor(s / 86400), 'd', Math.floor(s / 3600) % 24, 'h')
            : `${Math.floor(s / 86400)}d`;
    };

    const tellTimes = root => {
        for (const each of root.querySelectorAll('time[data-as]')) {
            const at = new Date(each.dateTime);
            const text = each.dataset.as === 'age' ? `${age((Date.now() - at) / 1000)} ago` : time.format(at);
            if (each.textContent !== text) each.textContent = text;
            if (each.dataset.as === 'age' && !each.dataset.told) {
                each.dataset.told = 'yes';
                each.title = `${time.format(at)}\n${each.title}`;
            }
        }
    };

    // The moments of an axis are as exact as they were in UTC, which is then told on hover.
    const tellAxis = root => {
        for (const each of root.querySelectorAll('text[data-time]')) {
            const utc = each.textContent, day = { year: 'numeric', month: '2-digit', day: '2-digit' }, minute = { hour: '2-digit', minute: '2-digit' };
            const parts = utc.includes('.') ? null
                : /^\d+:/.test(utc) ? { ...minute, second: '2-digit' }
                : utc.includes(':') ? { month: '2-digit', day: '2-digit', ...minute }
                : day;
            if (!parts || each.querySelector('title')) continue;
            each.textContent = new Intl.DateTimeFormat(undefined, parts).format(new Date(each.dataset.time));
            const title = document.createElementNS('http://www.w3.org/2000/svg', 'title');
            title.textContent = `${utc} UTC`;
            each.append(title);
        }
    };

    const copy = async button => {
        const text = button.dataset.copy;
        try {
            await navigator.clipboard.writeText(text);
        } catch {
            // Browsers give the clipboard to pages of TLS and of this machine only.
            const area = document.createElement('textarea');
            area.value = text;
            document.body.append(area);
            area.select();
            document.execCommand('copy');
            area.remove();
            button.focus();
        }
        const before = button.innerHTML;
        button.textContent = 'Copied';
        setTimeout(() => { button.innerHTML = before; }, 1500);
    };

    const pathOf = (element, root) => {
        const path = [];
        for (let each = element; each !== root; each = each.parentElement) path.unshift([...each.parentElement.children].indexOf(each));
        return path;
    };
    const find = (path, root) => path.reduce((each, i) => each?.children[i], root);

    // What a row of a table is, but for how long ago something was: a row that is still the same is left alone.
    const sourceOf = row => row.outerHTML.replace(/(<time[^>]*>)[^<]*/g, '$1');

    const dress = root => {
        for (const row of root.querySelectorAll('tbody tr')) row.source ??= sourceOf(row);
        tellTimes(root);
        tellAxis(root);
        for (const button of root.querySelectorAll('button[data-copy]')) button.hidden = false;
        for (const each of root.querySelectorAll('[data-with-script]')) each.hidden = false;
    };

    // Puts the content of a page in the place of what is shown; what somebody is writing, or slides, stays.
    const replace = html => {
        const next = new DOMParser().parseFromString(html, 'text/html').getElementById('main');
        if (!next) return;
        const now = main(), active = document.activeElement, focused = active && now.contains(active) ? active : null;
        const open = [...now.querySelectorAll('details')].map(each => each.open);
        const before = new Map([...now.querySelectorAll('tbody tr')].map(row => [row.source, row]));
        dress(next);
        next.querySelectorAll('details').forEach((each, i) => { each.open = open[i] || each.open; });
        const path = focused ? pathOf(focused, now) : null;
        const slides = focused?.type === 'range', keeps = slides || focused?.matches('input, select, textarea');
        const form = keeps && focused.form && next.querySelector(focused.form.id ? `#${focused.form.id}` : 'form.filters');
        if (form) {
            if (slides) {
                const slider = form.querySelector('input[type=range]');
                focused.max = slider.max;
                focused.setAttribute('aria-valuetext', slider.getAttribute('aria-valuetext'));
                focused.form.querySelector('output').replaceChildren(...form.querySelector('output').childNodes);
            }
            form.replaceWith(focused.form);
        }
        for (const row of next.querySelectorAll('tbody tr')) {
            const same = before.get(row.source);
            if (same) row.replaceWith(same);
            else if (before.size && !slides) row.classList.add('fresh');
        }
        now.replaceChildren(...next.childNodes);
        now.dataset.live = next.dataset.live || '';
        if (next.dataset.title) document.title = next.dataset.title;
        if (form) focused.focus();
        else if (path) find(path, now)?.focus({ preventScroll: true });
        document.dispatchEvent(new Event('page:loaded'));
    };

    // A page that is live is loaded again when the server says that something on it may have changed. The server says so the less often the
    // more people look, and makes the content once for all of them.
    const live = (() => {
        let source = null, url = '', told = 0, loading = false, wanted = false, pause = 0, tag = '';
        const state = document.getElementById('live-state');
        const tell = (is, text) => {
            state.hidden = false;
            state.dataset.is = is;
            if (state.textContent !== text) state.textContent = text;
        };
        const base = address => address.replace(/[?&]from=\d+/, '');

        // True when the page is signed out, and so never again what it was.
        const loadOnce = async () => {
            const headers = { Accept: 'text/html', 'Live-Revision': `${told}`, ...(tag && { 'If-None-Match': tag }) };
            const answer = await fetch(location.href, { headers, cache: 'no-store' });
            if (answer.redirected && new URL(answer.url).pathname !== location.pathname) {
                source?.close();
                tell('off', 'Signed out: load the page again');
                return true;
            }
            if (answer.ok) {
                replace(await answer.text());
                tag = answer.headers.get('ETag') ?? '';
            }
            return false;
        };

        const load = async () => {
            wanted = true;
            if (loading) return;
            loading = true;
            try {
                while (wanted) {
                    wanted = false;
                    if (await loadOnce()) return;
                }
                if (base(main().dataset.live || '') !== base(url)) follow();
            } catch { /* the stream notices too, and comes back */ } finally {
                loading = false;
            }
        };

        const follow = () => {
            source?.close();
            url = main().dataset.live || '';
            if (!url) { state.hidden = true; return; }
            source = new EventSource(url);
            source.onopen = () => {
                if (pause) load(); // what happened while it was away
                pause = 0;
                tell('on', 'Live');
            };
            source.onmessage = message => {
                told = Math.max(told, Number(message.data) || 0);
                load();
            };
            source.onerror = () => {
                tell('off', 'Not live: trying again');
                pause = Math.min(5000, 2 * pause || 500);
                source.close();
                setTimeout(probe, pause);
            };
        };

        const probe = async () => {
            try {
                if (await loadOnce()) return;
            } catch { /* still away */ }
            follow();
        };

        const every = Number(main().dataset.every) * 1000;
        if (every) setInterval(() => { if (!document.hidden) load(); }, every);
        return { follow, stop: () => source?.close() };
    })();

    // The slider shows the job as it stood wherever it rests for a moment; its address is then that of the revision.
    let slid = 0;
    const slide = async form => {
        const mine = slid;
        const answer = await fetch(`${form.action}?${new URLSearchParams(new FormData(form))}`, { headers: { Accept: 'text/html', 'Live-Revision': '0' } });
        if (mine !== slid || !answer.ok) return;
        const html = await answer.text();
        if (mine !== slid) return;
        history.replaceState(null, '', answer.url);
        replace(html);
    };
    document.addEventListener('input', event => {
        if (event.target.type !== 'range') return;
        const slider = event.target, mine = ++slid;
        slider.form.querySelector('output').textContent = `${slider.value} of ${slider.max}`;
        setTimeout(() => { if (mine === slid) slide(slider.form); }, 150);
    });

    document.addEventListener('click', event => {
        const button = event.target.closest?.('button[data-copy]');
        if (button) copy(button);
    });
    document.addEventListener('keydown', event => {
        if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input, select, textarea')) return;
        const search = document.querySelector('[data-search]');
        if (search) { event.preventDefault(); search.focus(); }
    });
    addEventListener('pagehide', live.stop);
    addEventListener('pageshow', event => { if (event.persisted) live.follow(); });
    dress(document);
    setInterval(() => tellTimes(document), 10000);
    live.follow();
})();
