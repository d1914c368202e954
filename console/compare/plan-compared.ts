// The buckets of a comparison: exactly the view, cut at multiples of a round width.
import { bucketWidth } from "../chart/bucket-width.ts";

export function planCompared(
  { fromUs, toUs }: { fromUs: number; toUs: number },
  widthPx: number,
  series: number,
): { fromUs: number; toUs: number; widthUs: number } {
  const widthUs = bucketWidth({ fromUs, toUs }, { widthPx: Math.max(200, widthPx), series });
  return {
    fromUs: Math.floor(fromUs / widthUs) * widthUs,
    toUs: Math.ceil(toUs / widthUs) * widthUs,
    widthUs,
  };
}
