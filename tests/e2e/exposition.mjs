// Prometheus' text format 0.0.4, read strictly: what its grammar leaves open for lenient readers fails here.
//
// parseExposition(text) → Map of family name → { type, help, samples: [{ name, labels, value }] }; throws with the line.
const name = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const label = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
const sampleLine = new RegExp(`^(${name})(?:\\{(${label}(?:,${label})*)\\})? (-?[0-9]+(?:\\.[0-9]+)?|\\+Inf|-Inf|NaN)$`);
const endings = { histogram: ['_bucket', '_sum', '_count'], counter: [''], gauge: [''] };

function parseLabels(text = '') {
    const labels = {};
    for (const [, key, value] of text.matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g)) {
        if (Object.hasOwn(labels, key)) throw new Error(`the label ${key} is given twice`);
        labels[key] = value.replace(/\\(.)/g, (_, letter) => (letter === 'n' ? '\n' : letter));
    }
    return labels;
}

function readSample(line, family, familyName) {
    const match = sampleLine.exec(line);
    if (!match) throw new Error('not a sample');
    if (!family) throw new Error('a sample before its HELP and TYPE');
    const [, full, labelText, valueText] = match;
    if (!endings[family.type].some((ending) => full === familyName + ending)) throw new Error(`not of the family ${familyName}`);
    const value = Number(valueText.replace('Inf', 'Infinity'));
    if (family.type !== 'gauge' && !(value >= 0)) throw new Error('a count below zero');
    if (family.type === 'counter' && !Number.isInteger(value)) throw new Error('a counter that is no whole number');
    return { name: full, labels: parseLabels(labelText), value };
}

const keyOf = ({ name: full, labels }) => full + JSON.stringify(Object.entries(labels).sort());

function checkHistogram(familyName, samples) {
    const groups = new Map();
    for (const sample of samples) {
        const { le, ...others } = sample.labels;
        const key = JSON.stringify(Object.entries(others).sort());
        if (!groups.has(key)) groups.set(key, { bounds: [], counts: [] });
        const group = groups.get(key);
        if (sample.name.endsWith('_bucket')) {
            if (le === undefined) throw new Error(`${familyName}: a bucket without le`);
            group.bounds.push(Number(le.replace('Inf', 'Infinity')));
            group.counts.push(sample.value);
        } else {
            if (le !== undefined) throw new Error(`${familyName}: le where there is no bucket`);
            group[sample.name.endsWith('_sum') ? 'sum' : 'count'] = sample.value;
        }
    }
    for (const [key, { bounds, counts, sum, count }] of groups) {
        const rises = (values, strictly) => values.every((value, i) => i === 0 || value > values[i - 1] || (!strictly && value === values[i - 1]));
        if (!rises(bounds, true) || bounds.at(-1) !== Infinity) throw new Error(`${familyName}${key}: bounds ${bounds}`);
        if (!rises(counts, false)) throw new Error(`${familyName}${key}: buckets are not cumulative: ${counts}`);
        if (count !== counts.at(-1)) throw new Error(`${familyName}${key}: _count is not the last bucket`);
        if (!(sum >= 0)) throw new Error(`${familyName}${key}: no _sum`);
    }
}

export function parseExposition(text) {
    if (!text.endsWith('\n') || text.endsWith('\n\n')) throw new Error('it does not end with one line feed');
    const families = new Map();
    let current;
    let help;
    text.slice(0, -1).split('\n').forEach((line, number) => {
        try {
            const comment = new RegExp(`^# (HELP|TYPE) (${name}) (.+)$`).exec(line);
            if (comment?.[1] === 'HELP') {
                if (help) throw new Error('HELP without TYPE');
                help = { family: comment[2], words: comment[3] };
            } else if (comment) {
                const [, , familyName, type] = comment;
                if (help?.family !== familyName) throw new Error('TYPE does not follow its HELP');
                if (families.has(familyName)) throw new Error('a family in two places');
                if (!endings[type]) throw new Error(`no type ${type}`);
                if ((type === 'counter') !== familyName.endsWith('_total')) throw new Error('counters, and they alone, end with _total');
                families.set(familyName, { type, help: help.words, samples: [] });
                current = familyName;
                help = undefined;
            } else {
                families.get(current)?.samples.push(readSample(line, families.get(current), current)) ?? readSample(line);
            }
        } catch (error) {
            throw new Error(`line ${number + 1}: ${error.message}: ${line}`);
        }
    });
    for (const [familyName, { type, samples }] of families) {
        const keys = samples.map(keyOf);
        if (new Set(keys).size !== keys.length) throw new Error(`${familyName}: the same sample twice`);
        if (type === 'histogram') checkHistogram(familyName, samples);
    }
    return families;
}

// The value of one sample; undefined when there is none.
export function valueOf(families, full, labels = {}) {
    const key = keyOf({ name: full, labels });
    for (const { samples } of families.values()) {
        const found = samples.find((sample) => keyOf(sample) === key);
        if (found) return found.value;
    }
    return undefined;
}
