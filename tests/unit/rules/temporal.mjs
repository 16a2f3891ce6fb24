// Reads one case a line, and writes the microseconds since 1970 that Temporal makes of it.
import { readFileSync } from "node:fs";

const { Temporal } = await import(`${process.env.TEMPORAL_MODULES}/@js-temporal/polyfill/dist/index.esm.js`);

const day = {
  date: ({ value }) => Temporal.PlainDate.from(value),
  instant: ({ value, zone }) => Temporal.Instant.from(value).toZonedDateTimeISO(zone).toPlainDate(),
  // 29 February is the 28th where there is none: what "constrain" means.
  yearly: ({ value, year }) => Temporal.PlainDate.from(value).with({ year }, { overflow: "constrain" }),
};

function moment(one) {
  if (one.kind === "offset") {
    return Temporal.Instant.from(one.value).add({ microseconds: one.offset });
  }
  // "compatible", RFC 5545's rule, is what it does unless it is told otherwise.
  const at = { timeZone: one.zone, plainTime: one.time };
  return day[one.kind](one).add({ days: one.days }).toZonedDateTime(at).toInstant();
}

const cases = readFileSync(0, "utf-8").trim().split("\n").map((line) => JSON.parse(line));
const known = new Set(Intl.supportedValuesOf("timeZone"));
const found = cases.map((one) => {
  try {
    return Number(moment(one).epochNanoseconds / 1000n);
  } catch (error) {
    // A zone that this Node has no data of, by whichever of its names.
    if (error instanceof RangeError && !known.has(one.zone)) return null;
    throw error;
  }
});
process.stdout.write(JSON.stringify(found));
