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

    const dress = root => {
        tellTimes(root);
        for (const button of root.querySelectorAll('button[data-copy]')) button.hidden = false;
        for (const each of root.querySelectorAll('[data-with-script]')) each.hidden = false;
    };

    // A page that is live is loaded again when the server says that something on it changed, and then rests for four times as long as that
    // took. While there is no rest without a change it rests twice as long each time, so that many open pages cost the server little.
    const live = (() => {
        let source = null, url = '', wanted = false, loading = false, crowded = false, pause = 0, rest = 0;
        const state = document.getElementById('live-state');
        const tell = (is, text) => {
            state.hidden = false;
            state.dataset.is = is;
            if (state.textContent !== text) state.textContent = text;
        };
        const base = address => address.replace(/[?&]from=\d+/, '');

        const replace = (html, finalUrl) => {
            const next = new DOMParser().parseFromString(html, 'text/html').getElementById('main');
            if (!next) return;
            const now = main(), focused = document.activeElement, open = [...now.querySelectorAll('details')].map(each => each.open);
            const typing = focused && now.contains(focused) && focused.matches('input, select, textarea') ? focused.form : null;
            const before = new Set([...now.querySelectorAll('tbody tr')].map(row => row.textContent));
            dress(next);
            next.querySelectorAll('details').forEach((each, i) => { each.open = open[i] || each.open; });
            const path = focused && now.contains(focused) ? pathOf(focused, now) : null;
            if (typing) { // what somebody is writing stays
                const form = next.querySelector('form.filters');
                if (form) form.replaceWith(typing);
            }
            for (const row of next.querySelectorAll('tbody tr')) if (!before.has(row.textContent) && before.size) row.classList.add('fresh');
            now.replaceChildren(...next.childNodes);
            now.dataset.live = next.dataset.live || '';
            if (typing) focused.focus();
            else if (path) find(path, now)?.focus({ preventScroll: true });
            document.dispatchEvent(new Event('page:loaded'));
        };

        const load = async () => {
            if (loading) { wanted = true; return; }
            loading = true;
            wanted = false;
            const begun = Date.now();
            try {
                const answer = await fetch(location.href, { headers: { Accept: 'text/html' }, cache: 'no-store' });
                if (answer.redirected && new URL(answer.url).pathname !== location.pathname) {
                    source?.close();
                    tell('off', 'Signed out: load the page again');
                    loading = false;
                    return;
                }
                if (answer.ok) replace(await answer.text());
            } catch { /* the stream notices too, and comes back */ }
            rest = Math.min(2000, Math.max(4 * (Date.now() - begun), crowded ? Math.max(250, 2 * rest) : 0));
            setTimeout(() => {
                loading = false;
                crowded = wanted;
                if (base(main().dataset.live || '') !== base(url)) follow();
                if (wanted) load();
            }, rest);
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
            source.onmessage = load;
            source.onerror = () => {
                tell('off', 'Not live: trying again');
                pause = Math.min(5000, 2 * pause || 500);
                source.close();
                setTimeout(async () => {
                    await probe();
                }, pause);
            };
        };

        const probe = async () => {
            try {
                const answer = await fetch(location.href, { headers: { Accept: 'text/html' }, cache: 'no-store' });
                if (answer.redirected && new URL(answer.url).pathname !== location.pathname) {
                    tell('off', 'Signed out: load the page again');
                    return;
                }
                if (answer.ok) replace(await answer.text());
            } catch { /* still away */ }
            follow();
        };

        const pathOf = (element, root) => {
            const path = [];
            for (let each = element; each !== root; each = each.parentElement) path.unshift([...each.parentElement.children].indexOf(each));
            return path;
        };
        const find = (path, root) => path.reduce((each, i) => each?.children[i], root);

        const every = Number(main().dataset.every) * 1000;
        if (every) setInterval(() => { if (!document.hidden) load(); }, every);
        return { follow, stop: () => source?.close() };
    })();

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
