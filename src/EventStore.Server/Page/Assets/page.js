// What the page does beyond plain HTML: moments in the reader's zone, copying, and live pages. Everything else works without it.
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

    const utcOf = at => `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;

    const formatTimes = root => {
        for (const each of root.querySelectorAll('time[data-as]')) {
            const as = each.dataset.as, first = !each.dataset.formatted, at = new Date(each.dateTime);
            if (!first && as !== 'age') continue;
            const text = as === 'age' ? `${age((Date.now() - at) / 1000)} ago` : as === 'hover' ? `${time.format(at)} (${utcOf(at)})` : time.format(at);
            if (each.textContent !== text) each.textContent = text;
            if (first && as === 'age') each.title = `${time.format(at)}\n${each.title}`;
            each.dataset.formatted = 'yes';
        }
    };

    // The moments of an axis are as exact as they were in UTC, which is then shown on hover. A day of UTC begins at some hour elsewhere.
    const formatAxis = root => {
        for (const each of root.querySelectorAll('text[data-time]')) {
            if (each.querySelector('title')) continue;
            const utc = each.textContent, at = new Date(each.dataset.time), part = utc.split('.')[1];
            const day = { month: '2-digit', day: '2-digit' }, minute = { hour: '2-digit', minute: '2-digit' };
            const parts = /^\d+:/.test(utc) ? { ...minute, second: '2-digit' }
                : /^\d{4}-/.test(utc) ? { ...day, year: 'numeric' }
                : utc.includes(':') || at.getHours() || at.getMinutes() ? { ...day, ...minute }
                : day;
            each.textContent = new Intl.DateTimeFormat(undefined, parts).formatToParts(at)
                .map(piece => piece.type === 'second' && part ? `${piece.value}.${part}` : piece.value).join('');
            const title = document.createElementNS('http://www.w3.org/2000/svg', 'title');
            title.textContent = `${utc} UTC`;
            each.append(title);
        }
        for (const each of root.querySelectorAll('option[data-time]')) {
            const at = new Date(each.dataset.time);
            each.textContent = `since ${time.format(at)}`;
            each.title = utcOf(at);
        }
    };

    // A field for a moment is in UTC in the page, and so it is sent; what somebody sees and writes is in their zone.
    const utcIn = field => field.value === field.dataset.given ? field.defaultValue : field.value && new Date(field.value).toISOString().slice(0, 19);
    const formatFields = root => {
        for (const field of root.querySelectorAll('input[data-moment]')) {
            if (field.defaultValue) {
                const at = new Date(`${field.defaultValue}Z`);
                field.value = new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
            }
            field.dataset.given = field.value;
            field.closest('label').querySelector('[data-zone]').textContent = `(${time.resolvedOptions().timeZone})`;
            hoverField(field);
        }
    };
    const hoverField = field => { const utc = utcIn(field); field.title = utc ? `${utc.replace('T', ' ')} UTC` : ''; };

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

    // Where something is, and which one it is: in new content it is found by what it leads to or stands for, or else by its place.
    const pathOf = (element, root) => {
        const path = [];
        for (let each = element; each !== root; each = each.parentElement) path.unshift([...each.parentElement.children].indexOf(each));
        return path;
    };
    const find = (path, root) => path.reduce((each, i) => each?.children[i], root);
    const likeness = element => {
        const name = ['id', 'href', 'name', 'value', 'data-copy'].find(name => element.hasAttribute(name));
        const also = name === 'name' && element.hasAttribute('value') ? `[value="${CSS.escape(element.getAttribute('value'))}"]` : '';
        return name && `${element.tagName.toLowerCase()}[${name}="${CSS.escape(element.getAttribute(name))}"]${also}`;
    };
    const alike = (form, root) => [...root.querySelectorAll('form.filters')].find(each =>
        each.getAttribute('aria-label') === form.getAttribute('aria-label') && each.action === form.action);
    const isTouched = field => field.dataset.given !== undefined ? field.value !== field.dataset.given
        : field.options ? field.selectedIndex !== Math.max(0, [...field.options].findIndex(option => option.defaultSelected))
        : field.value !== field.defaultValue;

    // What a row is, but for how long ago something was: a row that is still the same is left alone.
    const rows = 'tbody tr, .revisions > li';
    const sourceOf = row => row.outerHTML.replace(/(<time[^>]*>)[^<]*/g, '$1');

    const dress = root => {
        for (const row of root.querySelectorAll(rows)) row.source ??= sourceOf(row);
        formatTimes(root);
        formatAxis(root);
        formatFields(root);
        for (const slider of root.querySelectorAll('.slide input[type=range]')) {
            slider.setAttribute('aria-valuetext', slider.form.querySelector('output').textContent.trim());
        }
        for (const button of root.querySelectorAll('button[data-copy]')) button.hidden = false;
        for (const each of root.querySelectorAll('[data-with-script]')) each.hidden = false;
    };

    // Puts the content of a page in the place of what is shown. What somebody is writing, slides, marked or opened stays, and so does the
    // place to which they scrolled.
    const replace = html => {
        const next = new DOMParser().parseFromString(html, 'text/html').getElementById('main');
        if (!next) return;
        const now = main(), active = document.activeElement, focused = active && now.contains(active) ? active : null;
        const open = [...now.querySelectorAll('details')].map(each => each.open);
        const before = new Map([...now.querySelectorAll(rows)].map(row => [row.source, row]));
        const known = new Set([...now.querySelectorAll('.revisions > li[id]')].map(row => row.id));
        const marked = [...now.querySelectorAll('input[type=radio]:checked')].filter(each => !each.defaultChecked).map(likeness);
        const seen = [...now.querySelectorAll('.revisions > li[id]')].find(row => row.getBoundingClientRect().top >= 0);
        const seenAt = scrollY > 0 && seen ? seen.getBoundingClientRect().top : null;
        dress(next);
        next.querySelectorAll('details').forEach((each, i) => { each.open = open[i] || each.open; });
        const path = focused ? pathOf(focused, now) : null, like = focused && likeness(focused), slides = focused?.matches('.slide [type=range]');
        const which = like ? [...now.querySelectorAll(like)].indexOf(focused) : -1;
        if (slides) {
            const slider = next.querySelector('.slide [type=range]');
            focused.max = slider.max;
            focused.setAttribute('aria-valuetext', slider.getAttribute('aria-valuetext'));
            focused.form.querySelector('output').replaceChildren(...slider.form.querySelector('output').childNodes);
        }
        let keeps = false;
        for (const form of now.querySelectorAll('form.filters')) {
            const has = form.contains(focused) && focused.matches('input, select, textarea');
            if (!has && !(form.method === 'get' && !slides && [...form.querySelectorAll('input:not([type=hidden]), select')].some(isTouched))) continue;
            alike(form, next)?.replaceWith(form);
            keeps ||= has;
        }
        for (const row of next.querySelectorAll(rows)) {
            const same = before.get(row.source);
            if (same) row.replaceWith(same);
            else if (before.size && !slides && !known.has(row.id)) row.classList.add('fresh');
        }
        now.replaceChildren(...next.childNodes);
        for (const each of marked) {
            const mark = each && now.querySelector(each);
            if (mark) mark.checked = true;
        }
        if (keeps) focused.focus({ preventScroll: true });
        else if (path) ((like && now.querySelectorAll(like)[which]) || find(path, now))?.focus({ preventScroll: true });
        if (seenAt !== null) scrollBy({ top: (document.getElementById(seen.id)?.getBoundingClientRect().top ?? seenAt) - seenAt, behavior: 'instant' });
        now.dataset.live = next.dataset.live || '';
        if (next.dataset.title) document.title = next.dataset.title;
        document.dispatchEvent(new Event('page:loaded'));
    };

    // A page that is live is loaded again when the server says that something on it may have changed. The server says so the less often the
    // more people look, and makes the content once for all of them.
    const live = (() => {
        let source = null, url = '', known = 0, loading = false, wanted = false, pause = 0, tag = '';
        const state = document.getElementById('live-state');
        const showState = (is, text) => {
            state.hidden = false;
            state.dataset.is = is;
            if (state.textContent !== text) state.textContent = text;
        };
        const base = address => address.replace(/[?&]from=\d+/, '');

        // True when the page is signed out, and so never again what it was.
        const loadOnce = async () => {
            const headers = { Accept: 'text/html', 'Live-Revision': `${known}`, ...(tag && { 'If-None-Match': tag }) };
            const answer = await fetch(location.href, { headers, cache: 'no-store' });
            if (answer.redirected && new URL(answer.url).pathname !== location.pathname) {
                source?.close();
                showState('off', 'Signed out: load the page again');
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
                showState('on', 'Live');
            };
            source.onmessage = message => {
                known = Math.max(known, Number(message.data) || 0);
                load();
            };
            source.onerror = () => {
                showState('off', 'Not live: trying again');
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
    document.addEventListener('formdata', event => {
        for (const field of event.target.querySelectorAll('input[data-moment]')) {
            if (event.formData.has(field.name)) event.formData.set(field.name, utcIn(field));
        }
    });
    document.addEventListener('input', event => {
        if (event.target.matches('[data-moment]')) hoverField(event.target);
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
    setInterval(() => formatTimes(document), 10000);
    live.follow();
})();
