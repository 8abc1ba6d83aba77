//! The part of a scan that reads data files: their order, what is known of them, and which rows an index
//! found in them.

use std::sync::Arc;

use datafusion::common::config::TableParquetOptions;
use datafusion::common::stats::Precision;
use datafusion::common::{DataFusionError, ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{CachedParquetFileReaderFactory, ParquetRowSelection};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::physical_expr::conjunction;
use datafusion::physical_plan::ExecutionPlan;
use lake::DataFile;
use object_store::path::Path;
use parquet::arrow::arrow_reader::RowSelection;

use super::{SEQUENCE, Scan, ordering, sequence_field, unique_extra};
use crate::provider::prune::{constant, file_statistics, partition_value};
use crate::provider::row_groups::{METRIC, Piece};

/// Up to this many files per thread each file is a partition of its own, so that its order can be
/// declared; beyond it, order costs more open files than a sort costs time.
const SORTED_FILES_PER_PARTITION: usize = 16;

impl<'a> Scan<'a> {
    /// Files of which each is a partition with its order declared.
    pub(super) fn sorted_files(
        &self,
        files: &[&DataFile],
        columns: &[usize],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // Whole: pieces of a file would each be another input of the merge.
        let whole = |file: &&DataFile| Ok(FileGroup::new(vec![self.whole_file(file)?]));
        let groups = files.iter().map(whole).collect::<Result<_>>()?;
        self.data_source(groups, columns, None, true)
    }

    pub(super) fn files(
        &self,
        files: &[&DataFile],
        columns: &[usize],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let partitions = self.options.execution.target_partitions.max(1);
        if files.len() <= partitions * SORTED_FILES_PER_PARTITION {
            let mut groups = Vec::with_capacity(files.len());
            for file in files {
                groups.extend(self.parts_of(file)?.into_iter().map(|part| FileGroup::new(vec![part])));
            }
            return self.data_source(groups, columns, limit, true);
        }
        let mut groups = Vec::with_capacity(partitions);
        for chunk in files.chunks(files.len().div_ceil(partitions)) {
            let parts = chunk.iter().map(|file| self.parts_of(file)).collect::<Result<Vec<_>>>()?;
            groups.push(FileGroup::new(parts.concat()));
        }
        self.data_source(groups, columns, limit, false)
    }

    fn whole_file(&self, file: &DataFile) -> Result<PartitionedFile> {
        let mut partitioned = PartitionedFile::new("", file.bytes);
        partitioned.object_meta.location = self.location(file)?;
        partitioned.partition_values = vec![self.partition_value(file)?, file.sequence.into()];
        // Statistics over all columns in the order of the scan's schema; the sequence is constant.
        let mut statistics = file_statistics(self.table, &self.snapshot.schema, file)?;
        statistics.column_statistics.push(constant(file.sequence.into()));
        if let Some(found) = self.found_in(file) {
            partitioned.extensions.insert(ParquetRowSelection::new(found.clone()));
        }
        Ok(partitioned.with_statistics(Arc::new(statistics)))
    }

    /// The file, or those of its row groups that may be wanted.
    fn parts_of(&self, file: &DataFile) -> Result<Vec<PartitionedFile>> {
        let whole = self.whole_file(file)?;
        let Some(pieces) = self.pieces_of(file) else { return Ok(vec![whole]) };
        let metric = self.snapshot.schema.index_of(METRIC)?;
        let part = |piece: &Piece| {
            let mut statistics = whole.statistics.as_deref().cloned().unwrap_or_default();
            statistics.num_rows = Precision::Exact(piece.rows);
            // The bounds of the file hold for each part of it; of its NULLs only that there are none.
            for column in &mut statistics.column_statistics {
                if column.null_count != Precision::Exact(0) {
                    column.null_count = Precision::Absent;
                }
            }
            if let Some(column) = statistics.column_statistics.get_mut(metric) {
                let (min, max) = piece.metrics.clone();
                column.min_value = Precision::Exact(ScalarValue::Utf8(Some(min)));
                column.max_value = Precision::Exact(ScalarValue::Utf8(Some(max)));
                column.null_count = Precision::Exact(0);
            }
            let part = whole.clone().with_range(piece.bytes.start, piece.bytes.end);
            part.with_statistics(Arc::new(statistics))
        };
        Ok(pieces.iter().map(part).collect())
    }

    pub(super) fn pieces_of(&self, file: &DataFile) -> Option<&'a [Piece]> {
        self.request.pieces?.get(&file.path).map(Vec::as_slice)
    }

    pub(super) fn found_in(&self, file: &DataFile) -> Option<&'a RowSelection> {
        self.request.found_rows?.get(&file.path)
    }

    /// The snapshot's store is rooted at `/`, its paths at the table.
    fn location(&self, file: &DataFile) -> Result<Path> {
        let joined = format!("{}{}", self.snapshot.root.path(), file.path);
        Path::from_url_path(joined).map_err(|error| DataFusionError::External(Box::new(error)))
    }

    fn partition_value(&self, file: &DataFile) -> Result<ScalarValue> {
        partition_value(self.table, &self.snapshot.schema, file)
    }

    fn data_source(
        &self,
        groups: Vec<FileGroup>,
        columns: &[usize],
        limit: Option<usize>,
        sorted: bool,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let partition_index = self.snapshot.schema.fields().len() - 1;
        let partition = self.snapshot.schema.fields()[partition_index].clone();
        let schema = TableSchema::builder(self.table.file_schema())
            .with_table_partition_cols(vec![partition, sequence_field()])
            .build();
        let parquet =
            TableParquetOptions { global: self.options.execution.parquet.clone(), ..Default::default() };
        let cache = self.runtime.cache_manager.get_file_metadata_cache();
        let reader = CachedParquetFileReaderFactory::new(self.snapshot.store.clone(), cache);
        let mut source = ParquetSource::new(schema)
            .with_table_parquet_options(parquet)
            .with_parquet_file_reader_factory(Arc::new(reader));
        if self.request.filter_rows && !self.key_predicates.is_empty() {
            source = source.with_predicate(conjunction(self.key_predicates.iter().cloned()));
        }
        let mut statistics = Statistics::new_unknown(&self.full_schema);
        let rows_of = |part: &PartitionedFile| Some(*part.statistics.as_ref()?.num_rows.get_value()?);
        let rows: Option<usize> = groups.iter().flat_map(FileGroup::iter).map(rows_of).sum();
        statistics.num_rows = rows.map_or(Precision::Absent, Precision::Exact);
        let mut config = FileScanConfigBuilder::new(self.store_url.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_limit(limit)
            .with_projection_indices(Some(columns.to_vec()))?;
        if sorted {
            let keys =
                self.table.sort_columns().iter().copied().chain(unique_extra(self.table)).chain([SEQUENCE]);
            config = config.with_output_ordering(vec![ordering(&self.full_schema, keys)?]);
        }
        Ok(DataSourceExec::from_data_source(config.build()))
    }
}
